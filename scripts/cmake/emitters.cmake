# A hash of the code generator's sources, which is part of the key of stored code: what another generator made is not taken.
file(GLOB emitters CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/compiler/codegen/*.[ch] ${CMAKE_SOURCE_DIR}/compiler/codegen/*.def
  ${CMAKE_SOURCE_DIR}/compiler/quant/weight_form.[ch])
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${emitters})
set(hashes "")
foreach(source ${emitters})
  file(SHA256 ${source} hash)
  string(APPEND hashes ${hash})
endforeach()
string(SHA256 hash "${hashes}")
string(SUBSTRING ${hash} 0 32 hash)
set_source_files_properties(${CMAKE_SOURCE_DIR}/compiler/codegen/key.c PROPERTIES COMPILE_DEFINITIONS NCR_EMITTERS="${hash}")
