/* Sizes and offsets that the library reads and writes by: rsvprapi.h. */
#include <rsvprapi.h>
#include <stddef.h>

#define SIZE(type, size) _Static_assert(sizeof(type) == (size), #type)
#define AT(type, member, offset) _Static_assert(offsetof(type, member) == (offset), #type "." #member)

SIZE(rapi_hdr_t, 8);
SIZE(rapi_filter_t, 124);
AT(rapi_filter_t, filter.base.sender, 8);
AT(rapi_filter_t, filter.base6.sender, 8);
SIZE(rapi_flowspec_t, 36);
AT(rapi_flowspec_t, cl_tspec_r, 8);
AT(rapi_flowspec_t, guar_tspec_M, 24);
AT(rapi_flowspec_t, guar_rspec_R, 28);
AT(rapi_flowspec_t, guar_rspec_S, 32);
SIZE(rapi_tspec_t, 28);
AT(rapi_tspec_t, tspec_r, 8);
AT(rapi_tspec_t, tspec_b, 12);
AT(rapi_tspec_t, tspec_p, 16);
AT(rapi_tspec_t, tspec_m, 20);
AT(rapi_tspec_t, tspec_M, 24);
SIZE(Gen_adspec_t, 16);
AT(Gen_adspec_t, ISHops, 4);
AT(Gen_adspec_t, pathBW, 6);
AT(Gen_adspec_t, pathLatency, 10);
AT(Gen_adspec_t, composedMTU, 14);
SIZE(Guar_adspec_t, 32);
AT(Guar_adspec_t, Ctot, 16);
AT(Guar_adspec_t, Dsum, 28);
SIZE(IS_adspec_t, 72);
AT(IS_adspec_t, CL_present, 16);
AT(IS_adspec_t, Guar_present, 36);
SIZE(rapi_adspec_t, 80);
SIZE(rapi_policy_t, 13);
