# runtime/standalone as bytes in the library: the program around an emitted network, compiled for this machine as a static
# library and as sources for others, and the header of an object's description. Emitted programs are no part of this
# build: no sanitizer, no coverage of ours goes into them. The library is of sources that need no C library.
file(GLOB NACRE_STANDALONE CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/runtime/standalone/*.c
  ${CMAKE_SOURCE_DIR}/runtime/standalone/linux/*.c)
file(GLOB_RECURSE NACRE_STANDALONE_SOURCES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/runtime/standalone/*.[ch]
  ${CMAKE_SOURCE_DIR}/runtime/standalone/*.ld)
add_library(nacre_standalone STATIC EXCLUDE_FROM_ALL ${NACRE_STANDALONE})
target_include_directories(nacre_standalone PRIVATE ${CMAKE_SOURCE_DIR})
target_compile_options(nacre_standalone PRIVATE -O2 -g0 -Wall -Wextra -ffreestanding -fno-stack-protector -fno-pie
  -fno-asynchronous-unwind-tables)
string(REPLACE ";" "|" sources "${NACRE_STANDALONE_SOURCES}")
add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/generated/standalone_data.c
  COMMAND ${CMAKE_COMMAND} -DOUT=${CMAKE_BINARY_DIR}/generated/standalone_data.c
          -DPROGRAM=$<TARGET_FILE:nacre_standalone> -DTYPES=${CMAKE_SOURCE_DIR}/runtime/standalone/network.h
          -DTOP=${CMAKE_SOURCE_DIR} "-DSOURCES=${sources}"
          -P ${CMAKE_SOURCE_DIR}/scripts/cmake/embed_bytes.cmake
  DEPENDS nacre_standalone ${NACRE_STANDALONE_SOURCES}
          ${CMAKE_SOURCE_DIR}/scripts/cmake/embed_bytes.cmake VERBATIM)
list(APPEND NACRE_GENERATED ${CMAKE_BINARY_DIR}/generated/standalone_data.c)
