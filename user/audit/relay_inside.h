/* SPDX-License-Identifier: BSD-2-Clause */
/* What the two halves of a relay visit share: relay_choose.c finds out what is worth asking, relay_script.c asks it. Within relay*.c only. */
#ifndef AUDIT_RELAY_INSIDE_H
#define AUDIT_RELAY_INSIDE_H

#include "audit/relay.h"

#define RELAY_PAIRS_MAX	      (RELAY_FORMS_MAX * 3 + RELAY_SENDERS_MAX)
#define RELAY_COMMAND_MAX     (RELAY_PATH_MAX + 32)
#define RELAY_MESSAGE_MAX     2048
#define RELAY_TOKEN_ROOM      48
#define RELAY_MAILBOX_OWN_MAX 256

enum relay_errand { ERRAND_ASK, ERRAND_DATA, ERRAND_SEND };

struct relay_pair {
	uint8_t form, sender;
	bool is_odd, is_done;
};

struct relay_script {
	enum relay_errand errand;
	const struct script_facts *facts;
	struct relay_names_room room;
	unsigned domains; /* foreign ones that there are */
	char send_to[RELAY_MAILBOX_OWN_MAX], send_local[RELAY_MAILBOX_OWN_MAX];
	char token[RELAY_TOKEN_ROOM];
	struct relay_pair pair[RELAY_PAIRS_MAX];
	unsigned pair_count, refusals, odd;
	struct relay_pair *at;
	bool wants_tls, is_over;
	char command[RELAY_COMMAND_MAX], message[RELAY_MESSAGE_MAX];
};

/* Fills the pairs and the errand of a visit; false: the matrix is done. */
bool relay_choose(struct relay_script *s, const struct relay_matrix *m);

#endif
