// Facts of the integer operator table.
#include "compiler/quant/qgraph.h"

const char *ncr_qop_name(enum ncr_qop op)
{
    static const char *const names[] = {
#define NCR_QOP_ROW(NAME, name) #name,
#include "compiler/quant/qops.def"
#undef NCR_QOP_ROW
    };
    return names[op];
}
