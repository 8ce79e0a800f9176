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

#define DETACH_ALL     "all"
#define ENDS_TEXT_MAX  64 /* bytes: the sentence's end about the controller */
#define NAME_SHOWN_MAX 64 /* bytes: four for each of an interface's name */

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

/* What came of one interface; said when the lock is let go, for a reader of the output may be slow. */
struct attached {
	int rc;
	enum gate_mode mode;
	char why_generic[ERR_TEXT_MAX];
	struct err e;
};

static int attached_say(struct cli *cli, const struct net_link *link, const struct attached *a)
{
	const char *name = a->mode == GATE_NATIVE ? "native" : "generic";

	if (a->rc)
		return cli_fail_err(cli, CLI_FAILED, &a->e);
	if (a->mode == GATE_GENERIC && a->why_generic[0])
		cli_warn(cli, "%s: generic mode, which is slower: native was refused: %s",
			 link->name, a->why_generic);
	return cli_say(cli, json_pack("{s:s, s:s}", "interface", link->name, "attach", name),
		       "%s is guarded (%s)", link->name, name);
}

/* The gate: that of a running controller as it is, else loaded and filled. */
static int gate_take(struct cli *cli, struct gate **g, enum gate_origin *origin,
		     struct err *no_store, struct err *e)
{
	CLI_STORE store = NULL;
	struct ruling r = {.conf = &cli->conf};
	char dir[PATH_MAX + CONF_INSTANCE_MAX + 2];
	int rc;

	*origin = GATE_ADOPTED;
	if (cli_controller_pid(cli) && gate_open(g, cli->conf.instance, NULL) == 0)
		return 0;
	if (store_open(&store, ruling_state_dir(&cli->conf, dir, sizeof(dir)), STORE_WRITE,
		       no_store))
		store = NULL;
	r.store = store;
	rc = setup_gate(&r, origin, e);
	*g = r.gate;
	return rc;
}

/*
 * All of it under the gate's lock: of two at once one makes the gate and the other adopts it, and none takes away
 * what the other has attached. *tried: how many interfaces have a result.
 */
static int attach_all(struct cli *cli, struct gate **g, enum gate_origin *origin,
		      const struct net_link *links, struct attached *results, unsigned count,
		      unsigned *tried, struct err *no_store, struct err *e)
{
	int lock = gate_lock(e), rc;
	unsigned guarded = 0;

	if (lock < 0)
		return lock;
	rc = gate_take(cli, g, origin, no_store, e);
	if (rc)
		goto out;
	rc = own_fill(cli, *g, links, count, e);
	for (bool going = !rc; going && *tried < count; ++*tried) {
		struct attached *a = &results[*tried];

		a->rc = gate_attach(*g, links[*tried].ifindex, links[*tried].name,
				    want_of(&cli->conf), &a->mode, a->why_generic, &a->e);
		going = a->rc == 0;
		guarded += going;
	}
	/* A gate on no interface guards nothing: leave things as they were found. */
	if (*origin == GATE_NEW && !guarded) {
		(void)gate_remove(cli->conf.instance, NULL);
		*origin = GATE_ADOPTED; /* nothing is left to count in */
	}
out:
	gate_unlock(lock);
	return rc;
}

int verb_attach(struct cli *cli, const struct sentence *s)
{
	struct attached results[SENTENCE_WORDS_MAX] = {0};
	struct net_link links[SENTENCE_WORDS_MAX];
	enum gate_origin origin = GATE_ADOPTED;
	struct err e = {0}, no_store = {0};
	CLI_GATE g = NULL;
	unsigned tried = 0;
	int status = links_find(cli, s, links), rc;

	if (status)
		return status;
	rc = attach_all(cli, &g, &origin, links, results, s->word_count, &tried, &no_store, &e);
	if (no_store.code)
		cli_warn(cli, "%s; policing without the stored rules", no_store.text);
	if (rc)
		status = cli_fail_err(cli, CLI_FAILED, &e);
	for (unsigned i = 0; status == CLI_DONE && i < tried; i++)
		status = attached_say(cli, &links[i], &results[i]);
	if (g && origin != GATE_ADOPTED && open_adopt(g, &e) < 0)
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
	char ends[ENDS_TEXT_MAX] = "";
	CLI_GATE g = NULL;
	struct err e = {0};
	int pid = cli_controller_pid(cli), lock = gate_lock(&e), rc;

	if (lock < 0)
		return cli_fail_err(cli, CLI_FAILED, &e);

	/* A gate of another ABI cannot be opened; it can be removed all the same. */
	if (gate_open(&g, instance, NULL) == 0)
		(void)gate_each_link(g, link_name_keep, &links, NULL);
	rc = gate_remove(instance, &e);
	gate_unlock(lock);
	if (rc == -ENOENT)
		return cli_fail(cli, CLI_NO_ENTRY, "no gate of the instance \"%s\" is loaded",
				instance);
	if (rc)
		return cli_fail_err(cli, CLI_FAILED, &e);
	for (unsigned i = 0; i < links.count; i++)
		(void)detach_say(cli, links.name[i]);
	/* It looks for its gate every two seconds, and ends without one. */
	if (pid)
		snprintf(ends, sizeof(ends), "; the controller, pid %d, ends by itself", pid);
	return cli_say(
		cli, json_pack("{s:s, s:b}", "instance", instance, "removed", 1),
		"the gate of the instance \"%s\" is out of the kernel; its rules stay stored%s",
		instance, ends);
}

static int detach_one(struct cli *cli, struct gate *g, const char *name)
{
	bool can_be = strlen(name) < IFNAMSIZ && !strchr(name, '/');
	char shown[NAME_SHOWN_MAX];
	struct err e = {0};
	int lock = gate_lock(&e), rc;

	if (lock < 0)
		return cli_fail_err(cli, CLI_FAILED, &e);
	rc = can_be ? gate_detach(g, name, &e) : -ENOENT;
	gate_unlock(lock);
	if (rc == -ENOENT)
		return cli_fail(cli, CLI_NO_ENTRY, "%s is not guarded by the instance \"%s\"",
				text_escape(name, strlen(name), shown, sizeof(shown)),
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
