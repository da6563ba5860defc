# The parts of an HTML report as C arrays: our page, style and script, and the plotting library that scripts/web.sh fetched
# into build/web (empty arrays where it is not there).
set(NACRE_WEB_PARTS
  page=${CMAKE_SOURCE_DIR}/tools/nacre/html/page.html
  style=${CMAKE_SOURCE_DIR}/tools/nacre/html/style.css
  script=${CMAKE_SOURCE_DIR}/tools/nacre/html/report.js
  d3=${CMAKE_SOURCE_DIR}/build/web/d3.min.js
  plot=${CMAKE_SOURCE_DIR}/build/web/plot.umd.min.js)
set(NACRE_WEB_FILES)
foreach(part ${NACRE_WEB_PARTS})
  string(REGEX REPLACE "^[a-z0-9]+=" "" file ${part})
  if(EXISTS ${file})
    list(APPEND NACRE_WEB_FILES ${file})
  endif()
endforeach()
add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/generated/web_data.c
  COMMAND ${CMAKE_COMMAND} -DOUT=${CMAKE_BINARY_DIR}/generated/web_data.c "-DPARTS=${NACRE_WEB_PARTS}"
          -P ${CMAKE_SOURCE_DIR}/scripts/cmake/embed_web_files.cmake
  DEPENDS ${NACRE_WEB_FILES} ${CMAKE_SOURCE_DIR}/scripts/cmake/embed_web_files.cmake VERBATIM)
