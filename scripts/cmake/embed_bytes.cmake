# Writes two files as C arrays. -DOUT=… -DPROGRAM=… -DTYPES=…
set(text "#include \"compiler/codegen/standalone.h\"\n")
foreach(part program types)
  string(TOUPPER ${part} variable)
  file(READ ${${variable}} hex HEX)
  string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
  file(SIZE ${${variable}} bytes)
  string(APPEND text "const unsigned char ncr_standalone_${part}[] = {\n${hex}};\n"
                     "const size_t ncr_standalone_${part}_bytes = ${bytes};\n")
endforeach()
file(WRITE ${OUT} "${text}")
