/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of keys that the reader walks: what may stand under which name, where it goes and
 * what it is when nobody says. Private to tools/config.
 */
#ifndef WIREMAP_CONFIG_KEYS_H
#define WIREMAP_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum config_kind {
	CONFIG_BOOL,	/* bool */
	CONFIG_NUMBER,	/* unsigned, within [min, max] */
	CONFIG_CHOICE,	/* unsigned, place in `choices` */
	CONFIG_TEXT,	/* char *, min to max bytes */
	CONFIG_IP,	/* uint32_t */
	CONFIG_NETWORK, /* struct config_network */
	CONFIG_TEXTS,	/* struct config_texts, each text min to max bytes */
	CONFIG_NUMBERS, /* struct config_numbers, each within [min, max] */
	CONFIG_GROUP,	/* the struct of `group` */
	CONFIG_GROUPS,	/* {struct *items; unsigned n}, each the struct of `group` */
};

struct config_group;

struct config_key {
	const char *name;
	enum config_kind kind;
	size_t offset; /* in the struct of its group */
	uint32_t min, max;
	uint32_t standard;	    /* of a bool, number or choice: the default */
	const char *standard_text;  /* of a text; NULL: none */
	const char *const *choices; /* ends with NULL */
	const struct config_group *group;
	bool needed; /* in every item of its list */
};

struct config_group {
	size_t size;
	size_t line_offset; /* of the member `line`, or NO_LINE */
	const struct config_key *keys;
	unsigned keys_n;
};

enum {
	CONFIG_NO_LINE = 0xffff,
	CONFIG_ITEMS_MAX = 1024, /* of one list: more is a mistake */
};

extern const struct config_group config_root;

#endif
