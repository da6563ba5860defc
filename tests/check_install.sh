#!/usr/bin/env bash
# `cmake --install` works, and a program outside the tree builds against it through find_package and pkg-config.
# usage: check_install.sh NACRE SOURCE_DIR
. "$(dirname "$0")/lib.sh"
build=${NACRE_BUILD_DIR:-$(dirname "$nacre")}
grep -q 'NACRE_SANITIZE:STRING=.' "$build/CMakeCache.txt" && skip "a sanitized library is not installed"

ok "cmake --install" cmake --install "$build" --prefix "$work/prefix" || finish
mkdir "$work/app"
cat >"$work/app/app.c" <<'C'
#include <nacre.h>
#include <stdio.h>
#include <string.h>
int main(void)
{
    struct nacre_session *s = nacre_session_new(NULL);
    const char *text = "net f(x: tensor[1, 8, 8]) -> tensor[10] { x |> conv(4, kernel: 3) >> relu >> flatten >> dense(10) }";
    if (nacre_session_load_text(s, "f.ncr", text, NULL) != NACRE_OK) return 1;
    const char *report = nacre_session_report(s, "f", NULL);
    if (!report || !strstr(report, "\"params\": 2610")) return 2; /* 4*9+4 + 256*10+10 */
    if (nacre_session_load_text(s, "g.ncr", "net f(", NULL) != NACRE_DIAGNOSED) return 3;
    if (!strstr(nacre_session_diagnostics(s, NACRE_TEXT), "g.ncr:1:6: error[N01")) return 4;
    nacre_session_free(s);
    puts(nacre_version());
    return 0;
}
C
cat >"$work/app/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.25)
project(app C)
find_package(nacre REQUIRED)
add_executable(app app.c)
target_link_libraries(app PRIVATE nacre::nacre)
CMAKE
ok "find_package(nacre): configure" cmake -S "$work/app" -B "$work/app/build" -DCMAKE_PREFIX_PATH="$work/prefix" &&
  ok "find_package(nacre): build" cmake --build "$work/app/build" &&
  ok "find_package(nacre): run" "$work/app/build/app"
pc=$(find "$work/prefix" -name nacre.pc -printf '%h')
# shellcheck disable=SC2046
ok "pkg-config: build" cc -o "$work/app2" "$work/app/app.c" $(PKG_CONFIG_PATH=$pc pkg-config --cflags --libs nacre) &&
  ok "pkg-config: run" "$work/app2"
ok "the installed command line runs" "$work/prefix/bin/nacre" --version
ok "bash completion is installed" test -s "$work/prefix/share/bash-completion/completions/nacre"
finish
