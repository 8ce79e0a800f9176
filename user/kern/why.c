/* SPDX-License-Identifier: BSD-2-Clause */
/* Why: the kernel's own code is asked what it would do, by a test run of pn_why. */
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

#include <bpf/bpf.h>

#include "kern/kern.h"
#include "kern/maps.h"

int why_ask(struct gate *g, const struct addr *a, uint16_t port, struct pn_why *out, struct err *e)
{
	struct pn_why question = {.port = port};
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = &question, .data_size_in = sizeof(question),
		    .data_out = out, .data_size_out = sizeof(*out));

	memcpy(question.src, a->byte, sizeof(question.src));
	if (bpf_prog_test_run_opts(g->program.pn_why, &o))
		return err_set(e, -errno, "cannot ask pn_why: %s", strerror(errno));
	if (o.retval != XDP_PASS)
		return err_set(e, -EINVAL, "port %u is not policed", port);
	return 0;
}

uint16_t why_port(struct gate *g)
{
	const struct pn_port *ports = gate_conf(g)->ports;

	for (unsigned i = 0; i < PN_PORTS_MAX && ports[i].port; i++)
		if (ports[i].class_ == PN_CLASS_MX)
			return ports[i].port;
	return ports[0].port;
}
