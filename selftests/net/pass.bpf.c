/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * An XDP program that passes everything. A veth end takes frames that its peer sends by XDP_TX in
 * native mode only when it has an XDP program itself; this one stands at the clients' end, so that
 * refusals arrive.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp.frags")
int pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}

char pass_license[] SEC("license") = "Dual BSD/GPL";
