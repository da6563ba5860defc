# The scanner and the parser from their Flex and Bison sources. Sets NACRE_GENERATED.
set(NACRE_GENERATED_DIR ${CMAKE_BINARY_DIR}/generated)
file(MAKE_DIRECTORY ${NACRE_GENERATED_DIR})
add_custom_command(OUTPUT ${NACRE_GENERATED_DIR}/parse.c ${NACRE_GENERATED_DIR}/parse.h
  COMMAND ${BISON_EXECUTABLE} -Wall -Wcounterexamples -Werror -Wno-precedence --defines=${NACRE_GENERATED_DIR}/parse.h
          -o ${NACRE_GENERATED_DIR}/parse.c ${CMAKE_SOURCE_DIR}/lang/parse.y
  DEPENDS ${CMAKE_SOURCE_DIR}/lang/parse.y VERBATIM)
add_custom_command(OUTPUT ${NACRE_GENERATED_DIR}/scan.c
  COMMAND ${FLEX_EXECUTABLE} -o ${NACRE_GENERATED_DIR}/scan.c ${CMAKE_SOURCE_DIR}/lang/scan.l
  DEPENDS ${CMAKE_SOURCE_DIR}/lang/scan.l ${NACRE_GENERATED_DIR}/parse.h VERBATIM)
list(APPEND NACRE_GENERATED ${NACRE_GENERATED_DIR}/parse.c ${NACRE_GENERATED_DIR}/parse.h ${NACRE_GENERATED_DIR}/scan.c)
# Generated code follows its generators' habits, not ours.
set_source_files_properties(${NACRE_GENERATED_DIR}/parse.c ${NACRE_GENERATED_DIR}/scan.c PROPERTIES COMPILE_OPTIONS
  "-Wno-missing-prototypes;-Wno-switch-enum;-Wno-unused-function;-Wno-shadow;-Wno-sign-compare;-Wno-undef;-Wno-unused-but-set-variable")
