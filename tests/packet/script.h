/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A script, read: one struct line for each thing that happens. README.md says what can be said.
 * What stands for several (`established`, `x3`, `1:2921/1460`) is several lines here.
 */
#ifndef WIREMAP_TESTS_SCRIPT_H
#define WIREMAP_TESTS_SCRIPT_H

#include "packet.h"

enum {
	SCRIPT_ARGUMENTS = 4,
	SCRIPT_WORD_MAX = 40,
	SCRIPT_PEERS = 64,
	SCRIPT_LINES_MAX = 20000,
	SCRIPT_ERROR_MAX = 400,
};

enum verb {
	V_CONFIG,
	V_PEER,
	V_LISTEN,
	V_CONNECT,
	V_AGAIN,
	V_IN,
	V_OUT,
	V_ICMP,
	V_SILENCE,
	V_FORGET,
	V_MTU,
	V_REFUSE,
	V_WRITE,
	V_CLOSE,
	V_ABORT,
	V_READ,
	V_DRAIN,
	V_OPENED,
	V_CONSUMED,
	V_ENDED,
	V_CLOSED,
	V_FAILED,
	V_STATE,
	V_STAT,
	V_VALUE,
	V_REPEAT, /* gone once it is read, as is its end */
	V_END,
};

enum compare { EQUAL, LESS, MORE, LESS_EQUAL, MORE_EQUAL, NOT_EQUAL };

union argument {
	int64_t number;
	uint64_t ns;
	char word[SCRIPT_WORD_MAX];
	enum compare compare;
};

struct line {
	unsigned number; /* in the file */
	enum verb verb;
	bool with;  /* `&`: in the same turn as the line before */
	bool timed; /* after the line before, from..to */
	uint64_t from_ns, to_ns;
	unsigned peer;
	struct packet packet;
	uint32_t denied; /* of enum packet_has: must not be there */
	unsigned arguments_n;
	union argument arguments[SCRIPT_ARGUMENTS];
};

struct script {
	struct line *lines;
	unsigned lines_n, room;
	unsigned repeat_first, repeat_n; /* while it is read */
	char error[SCRIPT_ERROR_MAX];	 /* `LINE: what`, when it cannot be read */
};

/* NULL: no such file. What is wrong in it is in `error`, which is empty otherwise. */
struct script *script_read(const char *path);
void script_free(struct script **script);

#endif
