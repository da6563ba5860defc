// Start-up of a 32-bit RISC-V processor in machine mode, and semihosting's three instructions.
#include "runtime/standalone/bare/bare.h"

// The image begins with `_start`: QEMU's board jumps to the first byte of its memory. mtvec is
// written as a number of an instruction, for assemblers that want an extension named for `csrw`.
// After a trap the stack may be what failed, so its handler starts a new one.
__asm__(".pushsection .vectors, \"ax\", @progbits\n"
        ".globl _start\n"
        "_start:\n"
        "  la sp, image_stack_top\n"
        "  la t0, trap\n"
        "  .insn i 0x73, 1, x0, t0, 0x305\n"
        "  li ra, 0\n"
        "  li s0, 0\n"
        "  call bare_begin\n"
        "  .balign 4\n"
        "trap:\n"
        "  la sp, image_stack_top\n"
        "  call bare_fault\n"
        ".popsection\n");

// RISC-V Semihosting 0.4: an `ebreak` between two shifts into x0, none of them compressed, in one
// page. The operation and its block arrive in a0 and a1, and the result leaves in a0, as in C.
__asm__(".pushsection .text.bare_call, \"ax\", @progbits\n"
        ".option push\n"
        ".option norvc\n"
        ".globl bare_call\n"
        ".balign 16\n"
        "bare_call:\n"
        "  slli x0, x0, 0x1f\n"
        "  ebreak\n"
        "  srai x0, x0, 7\n"
        "  ret\n"
        ".option pop\n"
        ".popsection\n");
