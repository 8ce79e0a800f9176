/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attach and detach: a gate without a controller. Every interface is looked at before anything is touched, and the
 * gate is filled before the first of them is attached.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "daemon/setup.h"
#include "net/net.h"

#define DETACH_ALL "all"

static int links_find(struct cli *cli, const struct sentence *s, struct net_link *links)
{
	for (unsigned i = 0; i < s->word_count; i++) {
		struct err e = {0};

		if (net_link_by_name(s->word[i], &links[i], &e))
			return cli_fail_err(cli, CLI_FAILED, &e);
		if (!links[i].ethernet)
			return cli_fail(
				cli, CLI_FAILED,
				"%s has no Ethernet header, which the gate reads: it cannot "
				"be guarded",
				links[i].name);
	}
	return CLI_DONE;
}

/* Own addresses of what is guarded and of what will be, before the first packet is judged. */
static int own_fill(struct cli *cli, struct gate *g, const struct net_link *links, unsigned count,
		    struct err *e)
{
	int ifindexes[SETUP_LINKS_MAX];
	unsigned guarded = setup_guarded(g, &cli->conf, ifindexes, SETUP_LINKS_MAX - count);

	for (unsigned i = 0; i < count; i++)
		ifindexes[guarded++] = links[i].ifindex;
	return setup_own(g, &cli->conf, ifindexes, guarded, e);
}

static enum gate_want want_of(const struct conf *c)
{
	switch (c->attach) {
	case CONF_ATTACH_NATIVE:
		return GATE_WANT_NATIVE;
	case CONF_ATTACH_GENERIC:
		return GATE_WANT_GENERIC;
	case CONF_ATTACH_AUTO:
		break;
	}
	return GATE_WANT_AUTO;
}

static int link_attach(struct cli *cli, struct gate *g, const struct net_link *link)
{
	char why_generic[ERR_TEXT_MAX] = "";
	enum gate_mode mode = GATE_NATIVE;
	struct err e = {0};
	const char *name;

	if (gate_attach(g, link->ifindex, link->name, want_of(&cli->conf), &mode, why_generic, &e))
		return cli_fail_err(cli, CLI_FAILED, &e);
	name = mode == GATE_NATIVE ? "native" : "generic";
	if (mode == GATE_GENERIC && why_generic[0])
		cli_warn(cli, "%s: generic mode, which is slower: native was refused: %s",
			 link->name, why_generic);
	return cli_say(cli, json_pack("{s:s, s:s}", "interface", link->name, "attach", name),
		       "%s is guarded (%s)", link->name, name);
}

/* The gate: that of a running controller as it is, else loaded and filled. */
static int gate_take(struct cli *cli, struct gate **g, enum gate_origin *origin)
{
	CLI_STORE store = NULL;
	char dir[PATH_MAX + CONF_INSTANCE_MAX + 2];
	struct err e = {0};

	*origin = GATE_ADOPTED;
	if (cli_controller_pid(cli) && gate_open(g, cli->conf.instance, NULL) == 0)
		return CLI_DONE;
	if (store_open(&store, ruling_state_dir(&cli->conf, dir, sizeof(dir)), STORE_WRITE, &e)) {
		store = NULL;
		cli_warn(cli, "%s; policing without the stored rules", e.text);
	}
	if (setup_gate(&cli->conf, store, g, origin, &e))
		return cli_fail_err(cli, CLI_FAILED, &e);
	return CLI_DONE;
}

int verb_attach(struct cli *cli, const struct sentence *s)
{
	struct net_link links[SENTENCE_WORDS_MAX];
	enum gate_origin origin;
	struct err e = {0};
	CLI_GATE g = NULL;
	unsigned attached = 0;
	int status = links_find(cli, s, links);

	if (status == CLI_DONE)
		status = gate_take(cli, &g, &origin);
	if (status)
		return status;
	if (own_fill(cli, g, links, s->word_count, &e))
		status = cli_fail_err(cli, CLI_FAILED, &e);
	for (unsigned i = 0; status == CLI_DONE && i < s->word_count; i++) {
		status = link_attach(cli, g, &links[i]);
		attached += status == CLI_DONE;
	}
	if (origin == GATE_NEW && !attached) {
		/* A gate on no interface guards nothing: leave things as they were found. */
		(void)gate_remove(cli->conf.instance, NULL);
		return status;
	}
	if (origin != GATE_ADOPTED && open_adopt(g, &e) < 0)
		cli_warn(cli, "connections that are open already are not counted: %s", e.text);
	return status;
}

/* ---- detach ---- */

struct link_names {
	char name[SETUP_LINKS_MAX][IFNAMSIZ];
	unsigned count;
};

static int link_name_keep(void *context, const struct gate_link *link)
{
	struct link_names *list = context;

	if (list->count < SETUP_LINKS_MAX)
		memcpy(list->name[list->count++], link->name, IFNAMSIZ);
	return 0;
}

static int detach_say(struct cli *cli, const char *name)
{
	return cli_say(cli, json_pack("{s:s, s:n}", "interface", name, "attach"),
		       "%s is no longer guarded", name);
}

static int detach_all(struct cli *cli)
{
	const char *instance = cli->conf.instance;
	struct link_names links = {.count = 0};
	CLI_GATE g = NULL;
	struct err e = {0};
	int pid = cli_controller_pid(cli), rc;

	/* A gate of another ABI cannot be opened; it can be removed all the same. */
	if (gate_open(&g, instance, NULL) == 0)
		(void)gate_each_link(g, link_name_keep, &links, NULL);
	rc = gate_remove(instance, &e);
	if (rc == -ENOENT)
		return cli_fail(cli, CLI_NO_ENTRY, "no gate of the instance \"%s\" is loaded",
				instance);
	if (rc)
		return cli_fail_err(cli, CLI_FAILED, &e);
	for (unsigned i = 0; i < links.count; i++)
		(void)detach_say(cli, links.name[i]);
	if (pid)
		cli_warn(cli, "a controller is running, pid %d: end it too", pid);
	return cli_say(
		cli, json_pack("{s:s, s:b}", "instance", instance, "removed", 1),
		"the gate of the instance \"%s\" is out of the kernel; its rules stay stored",
		instance);
}

static int detach_one(struct cli *cli, struct gate *g, const char *name)
{
	struct err e = {0};
	int rc = gate_detach(g, name, &e);

	if (rc == -ENOENT)
		return cli_fail(cli, CLI_NO_ENTRY, "%s is not guarded by the instance \"%s\"", name,
				cli->conf.instance);
	if (rc)
		return cli_fail_err(cli, CLI_FAILED, &e);
	return detach_say(cli, name);
}

int verb_detach(struct cli *cli, const struct sentence *s)
{
	CLI_GATE g = NULL;
	int status;

	for (unsigned i = 0; i < s->word_count; i++) {
		if (strcmp(s->word[i], DETACH_ALL) != 0)
			continue;
		if (s->word_count > 1)
			return cli_fail(cli, CLI_MISUSED, "detach: \"all\" stands alone");
		return detach_all(cli);
	}
	status = cli_gate_open(cli, &g);
	for (unsigned i = 0; status == CLI_DONE && i < s->word_count; i++)
		status = detach_one(cli, g, s->word[i]);
	return status;
}
