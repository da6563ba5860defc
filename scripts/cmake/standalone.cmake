# runtime/standalone as bytes in the library: a static library with main() for emitted programs, and the header of an
# object's description. Emitted programs are no part of this build: no sanitizer, no coverage of ours goes into them.
file(GLOB NACRE_STANDALONE CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/runtime/standalone/*.c)
add_library(nacre_standalone STATIC EXCLUDE_FROM_ALL ${NACRE_STANDALONE})
target_include_directories(nacre_standalone PRIVATE ${CMAKE_SOURCE_DIR})
target_compile_options(nacre_standalone PRIVATE -O2 -g0 -Wall -Wextra)
target_compile_definitions(nacre_standalone PRIVATE _POSIX_C_SOURCE=200809L)
add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/generated/standalone_data.c
  COMMAND ${CMAKE_COMMAND} -DOUT=${CMAKE_BINARY_DIR}/generated/standalone_data.c
          -DPROGRAM=$<TARGET_FILE:nacre_standalone> -DTYPES=${CMAKE_SOURCE_DIR}/runtime/standalone/network.h
          -P ${CMAKE_SOURCE_DIR}/scripts/cmake/embed_bytes.cmake
  DEPENDS nacre_standalone ${CMAKE_SOURCE_DIR}/runtime/standalone/network.h
          ${CMAKE_SOURCE_DIR}/scripts/cmake/embed_bytes.cmake VERBATIM)
list(APPEND NACRE_GENERATED ${CMAKE_BINARY_DIR}/generated/standalone_data.c)
