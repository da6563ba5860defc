# The standard library as C strings: stdlib/blocks.ncr becomes module std.blocks in generated/stdlib_data.c.
file(GLOB_RECURSE NACRE_STDLIB CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}/stdlib ${CMAKE_SOURCE_DIR}/stdlib/*.ncr)
list(SORT NACRE_STDLIB)
set(NACRE_STDLIB_FILES ${NACRE_STDLIB})
list(TRANSFORM NACRE_STDLIB_FILES PREPEND ${CMAKE_SOURCE_DIR}/stdlib/)
add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/generated/stdlib_data.c
  COMMAND ${CMAKE_COMMAND} -DOUT=${CMAKE_BINARY_DIR}/generated/stdlib_data.c -DROOT=${CMAKE_SOURCE_DIR}/stdlib
          "-DFILES=${NACRE_STDLIB}" -P ${CMAKE_SOURCE_DIR}/scripts/cmake/embed_files.cmake
  DEPENDS ${NACRE_STDLIB_FILES} ${CMAKE_SOURCE_DIR}/scripts/cmake/embed_files.cmake VERBATIM)
list(APPEND NACRE_GENERATED ${CMAKE_BINARY_DIR}/generated/stdlib_data.c)
