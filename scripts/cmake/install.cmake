# cmake --install: the command line, the library with its public header, the CMake package, pkg-config, completions.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS nacre_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS nacre EXPORT nacre-targets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${CMAKE_SOURCE_DIR}/include/nacre.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT nacre-targets NAMESPACE nacre:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/nacre)
configure_package_config_file(${CMAKE_SOURCE_DIR}/scripts/cmake/nacre-config.cmake.in
  ${CMAKE_BINARY_DIR}/nacre-config.cmake INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/nacre)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/nacre-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/nacre-config.cmake ${CMAKE_BINARY_DIR}/nacre-config-version.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/nacre)

# A static libnacre needs what it was linked with; pkg-config --static tells.
string(REPLACE ";" " " NACRE_LLVM_LIBDIR "${LLVM_LIBRARY_DIRS}")
file(RELATIVE_PATH NACRE_PC_UP /${CMAKE_INSTALL_LIBDIR}/pkgconfig /) # relocatable: --prefix may come later
get_filename_component(NACRE_DNNL_LIBDIR ${DNNL_LIBRARY} DIRECTORY)
set(NACRE_PC_PRIVATE "-L${NACRE_LLVM_LIBDIR} -lLLVM-19 -ldnnl -lgomp -lz -lxxhash -ljansson -lgmp -lpthread -lm")
if(BUILD_SHARED_LIBS)
  set(NACRE_PC_PUBLIC "")
else()
  set(NACRE_PC_PUBLIC " ${NACRE_PC_PRIVATE}")
endif()
configure_file(${CMAKE_SOURCE_DIR}/scripts/cmake/nacre.pc.in ${CMAKE_BINARY_DIR}/nacre.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/nacre.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(CODE "
  execute_process(COMMAND \"${CMAKE_BINARY_DIR}/nacre\" --completion bash OUTPUT_FILE \"${CMAKE_BINARY_DIR}/completion.bash\")
  execute_process(COMMAND \"${CMAKE_BINARY_DIR}/nacre\" --completion zsh OUTPUT_FILE \"${CMAKE_BINARY_DIR}/completion.zsh\")")
install(FILES ${CMAKE_BINARY_DIR}/completion.bash RENAME nacre
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${CMAKE_BINARY_DIR}/completion.zsh RENAME _nacre
  DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
