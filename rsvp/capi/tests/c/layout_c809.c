/* Sizes and offsets that the library reads and writes by: rapi.h. */
#include <rapi.h>
#include <stddef.h>

#define SIZE(type, size) _Static_assert(sizeof(type) == (size), #type)
#define AT(type, member, offset) _Static_assert(offsetof(type, member) == (offset), #type "." #member)

SIZE(rapi_hdr_t, 8);
SIZE(rapi_filter_t, 36);
AT(rapi_filter_t, rapi_filt4, 8);
AT(rapi_filter_t, rapi_filt6, 8);
AT(rapi_filter_t, rapi_filtbase4_port, 10);
_Static_assert(TB_MIN_RATE == 1 && (long long)TB_MAX_RATE == 40000000000000, "rates");
_Static_assert(TB_MIN_DEPTH == 1 && (long long)TB_MAX_DEPTH == 250000000000, "depths");
_Static_assert(TB_MAX_PEAK == 0x7f800000, "infinity");
SIZE(rapi_qos_Tspec_body, 20);
SIZE(rapi_qos_tspecx_t, 24);
SIZE(rapi_tspec_t, 40);
AT(rapi_tspec_t, tspecbody_qosx.spec_type, 8);
AT(rapi_tspec_t, tspecbody_qosx.xtspec_r, 12);
AT(rapi_tspec_t, tspecbody_qosx.xtspec_b, 16);
AT(rapi_tspec_t, tspecbody_qosx.xtspec_p, 20);
AT(rapi_tspec_t, tspecbody_qosx.xtspec_m, 24);
AT(rapi_tspec_t, tspecbody_qosx.xtspec_M, 28);
SIZE(IS_tspbody_t, 32);
SIZE(rapi_qos_flowspecx_t, 32);
SIZE(rapi_flowspec_t, 52);
AT(rapi_flowspec_t, specbody_qosx.xspec_R, 32);
AT(rapi_flowspec_t, specbody_qosx.xspec_S, 36);
SIZE(IS_specbody_t, 44);
AT(rapi_flowspec_t, specbody_IS.spec_u.G_spec.Guar_Rspec.Guar_R, 44);
SIZE(rapi_qos_adspecx_t, 68);
SIZE(rapi_adspec_t, 76);
AT(rapi_qos_adspecx_t, xaspec_hopcnt, 2);
AT(rapi_qos_adspecx_t, xaspec_path_bw, 4);
AT(rapi_qos_adspecx_t, xaspec_min_latency, 8);
AT(rapi_qos_adspecx_t, xaspec_composed_MTU, 12);
AT(rapi_qos_adspecx_t, xClaspec_flags, 16);
AT(rapi_qos_adspecx_t, xClaspec_override, 17);
AT(rapi_qos_adspecx_t, xClaspec_hopcnt, 18);
AT(rapi_qos_adspecx_t, xClaspec_composed_MTU, 28);
AT(rapi_qos_adspecx_t, xGaspec_flags, 32);
AT(rapi_qos_adspecx_t, xGaspec_Ctot, 36);
AT(rapi_qos_adspecx_t, xGaspec_Dtot, 40);
AT(rapi_qos_adspecx_t, xGaspec_Csum, 44);
AT(rapi_qos_adspecx_t, xGaspec_Dsum, 48);
AT(rapi_qos_adspecx_t, xGaspec_override, 52);
AT(rapi_qos_adspecx_t, xGaspec_hopcnt, 54);
AT(rapi_qos_adspecx_t, xGaspec_path_bw, 56);
AT(rapi_qos_adspecx_t, xGaspec_min_latency, 60);
AT(rapi_qos_adspecx_t, xGaspec_composed_MTU, 64);
SIZE(IS_adsbody_t, 40);
AT(IS_adsbody_t, adspec_genparms.gen_parm_composed_MTU, 36);
