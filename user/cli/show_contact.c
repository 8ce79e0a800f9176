/* SPDX-License-Identifier: BSD-2-Clause */
/* For show status: what becomes of strangers, and how the controller's children do. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/when.h"
#include "cli/foreign.h"
#include "cli/show.h"
#include "daemon/instance.h"

static const char *contact_name(enum pn_contact contact)
{
	switch (contact) {
	case PN_CONTACT_HOLD:
		return "hold";
	case PN_CONTACT_WATCH:
		return "watch";
	case PN_CONTACT_PASS:
		return "pass";
	default:
		return "off";
	}
}

/* What the kernel does now. *why: "" when it is what the configuration says. */
static enum pn_contact contact_now(const struct cli *cli, const struct pn_conf *knobs,
				   const char **why)
{
	uint64_t now = now_boot_ns();

	*why = "";
	if (!cli->conf.dnsbl.site_count && (!knobs || !knobs->contact))
		*why = "no lists are configured (dnsbl.sites)";
	else if (!knobs)
		*why = "the gate is not loaded";
	else if (!cli_controller_pid(cli))
		*why = "no controller runs: strangers get in unasked";
	else if (knobs->alive_until <= now)
		*why = "the controller does not answer: strangers get in unasked";
	else if (!knobs->contact)
		*why = "the resolver is not ready: strangers get in unasked";
	else if (cli->conf.charge == CONF_CHARGE_SYN && knobs->contact != PN_CONTACT_HOLD)
		*why = "nobody is asked about: with charge = \"syn\" only first_contact = \"hold\" "
		       "asks";
	if (**why)
		return PN_CONTACT_OFF;
	if (knobs->enforce_until <= now)
		*why = "in enforce mode; until then strangers are asked about and let in";
	return knobs->contact;
}

static void children_gather(const struct cli *cli, json_t *row)
{
	char path[INSTANCE_PATH_MAX], old[STALE_TEXT_MAX];
	json_t *children = NULL;
	int64_t updated = 0;
	struct err e = {0};
	size_t length = 0;
	char *bytes = NULL;
	int rc = foreign_load(instance_path(cli->conf.instance, INSTANCE_CHILDREN, path), &bytes,
			      &length, &e);

	if (rc == 0)
		rc = foreign_children(bytes, length, &children, &updated, &e);
	if (rc == -EBADMSG)
		err_prefix(&e, "%s", path);
	/* What a controller that is gone left behind says nothing of now. */
	if (rc == 0 && show_is_stale(cli, updated, old)) {
		json_decref(children);
		children = NULL;
	}
	if (rc && rc != -ENOENT)
		cli_warn(cli, "%s", e.text);
	json_object_set_new(row, "resolver", json_null());
	json_object_set_new(row, "responder", json_null());
	json_object_set_new(row, "mail_log", json_null());
	json_object_update(row, children);
	json_decref(children);
	free(bytes);
}

void contact_gather(const struct cli *cli, struct gate *g, json_t *row)
{
	const char *why;
	enum pn_contact contact = contact_now(cli, g ? gate_conf(g) : NULL, &why);

	json_object_set_new(row, "first_contact", json_string(contact_name(contact)));
	json_object_set_new(row, "first_contact_why", json_text_or_null(why));
	children_gather(cli, row);
}

/* ---- for people ---- */

static long long number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void child_print(const char *name, const json_t *child)
{
	long long deaths = number(child, "deaths");

	if (!json_is_object(child))
		return;
	printf("%-12s %s", name, json_string_value(json_object_get(child, "state")));
	if (deaths)
		printf(", died %lld time%s", deaths, plural((uint64_t)deaths));
	if (json_object_get(child, "accepted"))
		printf(": %lld connections taken, %lld told why, %lld open, %lld turned away",
		       number(child, "accepted"), number(child, "refused"), number(child, "open"),
		       number(child, "turned_away"));
	putchar('\n');
}

static void mail_log_print(const json_t *log)
{
	const char *state = json_string_value(json_object_get(log, "state"));
	const char *source = json_string_value(json_object_get(log, "source"));
	long long lines = number(log, "lines");

	if (!state)
		return;
	if (strcmp(state, "off") == 0)
		printf("mail log     off: who delivers mail is not seen\n");
	else if (strcmp(state, "absent") == 0)
		printf("mail log     none at %s: who delivers mail is not seen\n", source);
	else
		printf("mail log     %s%s: %lld message%s taken by the mail server since the "
		       "start%s%s\n",
		       source, strcmp(state, "up") == 0 ? "" : " (its reader is not there now)",
		       number(log, "deliveries"), plural((uint64_t)number(log, "deliveries")),
		       lines && !number(log, "understood") ? "; no line of it is a mail server's"
							   : "",
		       number(log, "gaps") ? "; not all of it was read, as the journal says" : "");
}

static const char *contact_meaning(const char *contact)
{
	if (strcmp(contact, "hold") == 0)
		return "their first SYN is dropped once, while DNS lists are asked";
	if (strcmp(contact, "watch") == 0)
		return "let in while DNS lists are asked, and cut if these list them";
	return "let in while DNS lists are asked; the verdict holds from the next connection on";
}

static bool is_used(const json_t *child)
{
	const char *state = json_string_value(json_object_get(child, "state"));

	return state && strcmp(state, "off") != 0;
}

void contact_print(const json_t *row)
{
	const char *why = json_string_value(json_object_get(row, "first_contact_why"));
	const char *contact = json_string_value(json_object_get(row, "first_contact"));
	bool is_off = strcmp(contact, "off") == 0;

	printf("strangers    %s%s%s\n", contact, is_off || !why ? ": " : ", ",
	       why ? why : contact_meaning(contact));
	child_print("resolver", json_object_get(row, "resolver"));
	child_print("responder", json_object_get(row, "responder"));
	mail_log_print(json_object_get(row, "mail_log"));
	if (is_used(json_object_get(row, "meter")))
		child_print("meter", json_object_get(row, "meter"));
}
