/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is blocked now, for other programs. What an operator wrote behind `because` is private, and is in none of the forms; neither are
 * feeds, which are files already.
 */
#ifndef CLI_EXPORT_H
#define CLI_EXPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "kern/maps.h"
#include "store/store.h"

struct export_entry {
	struct prefix prefix;
	bool is_exception; /* let in, though what lies around it is blocked */
	bool is_found;	   /* listed or banned, which ends where somebody is trusted */
	bool is_trust;	   /* until settled: then it is an exception, or gone */
	enum pn_action action;
	char origin[STORE_ORIGIN_MAX];
	uint64_t expires_boot_ns; /* 0 never */
	size_t around; /* settled: 1 and the index of the nearest entry that it lies in; 0 none */
};

struct export_list {
	struct export_entry *entry;
	size_t count, room;
	unsigned idle; /* listed sources that are let in: monitor mode */
};

/* 0 or -ENOMEM. */
int export_add(struct export_list *l, const struct export_entry *entry);
/*
 * Sort by address and length; of one prefix the operator's own stays, since it holds against the trusted too, and of several like it the one
 * that ends last. What an exception covers goes, and exceptions outside of every entry. What was found of the trusted goes as well; inside
 * of a network that was found they become exceptions, unless an operator's block covers them too. Then the narrowest entry decides.
 */
void export_settle(struct export_list *l);
/* What stands at the head of a form, as comments; then the form. */
void export_print_list(const struct export_list *l, FILE *out);
void export_print_rbldnsd(const struct export_list *l, FILE *out);
void export_print_nft(const struct export_list *l, FILE *out);

#endif
