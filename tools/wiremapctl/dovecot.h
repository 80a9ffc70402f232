/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two files that Dovecot keeps in a folder of a Maildir: dovecot-uidlist, which says which
 * UID a file has, and dovecot-keywords, which says what the letters a to z of a file's name mean.
 * They are foreign: the readers take any bytes and say in which line they went wrong. Pure
 * functions; what they return borrows from the text.
 *
 *	3 V1700000000 N42 G0123456789abcdef0123456789abcdef
 *	7 W2048 S2000 :1700000001.M1P2.host,S=2000
 *	41 :1700000002.M3P2.host
 *
 * V is the UIDVALIDITY, N the next UID, G the folder's GUID; W, S and other letters of a line are
 * Dovecot's own and passed over. Version 1 is "1 UIDVALIDITY NEXT", then "UID NAME".
 */
#ifndef WIREMAPCTL_DOVECOT_H
#define WIREMAPCTL_DOVECOT_H

#include <stdbool.h>

#include "span.h"

enum { DOVECOT_LETTERS = 26 };

struct dovecot_fault {
	unsigned long line; /* from 1 */
	const char *why;    /* NULL: nothing is wrong */
};

struct dovecot_uid {
	struct span name; /* the file's, up to the colon before its flags */
	uint32_t uid;
};

struct dovecot_uidlist {
	uint32_t uidvalidity; /* 0: there is no list */
	uint32_t uidnext;     /* above every UID of the list */
	bool identified;      /* it has a GUID */
	uint8_t guid[16];
	struct dovecot_uid *files; /* by name */
	size_t n, room;
};

/*
 * 0; -EBADMSG: the list contradicts itself or is none, and no part of it is to be believed;
 * -ENOMEM. A last line without its end is one that was being written: it is left out, and with 0
 * `fault_r` says so. The list is to be freed, also after an error.
 */
int dovecot_uidlist_read(struct span text, struct dovecot_uidlist *list_r,
			 struct dovecot_fault *fault_r);
/* The UID of the file, whose flags may follow its name; 0: it has none. */
uint32_t dovecot_uidlist_find(const struct dovecot_uidlist *list, struct span name);
void dovecot_uidlist_free(struct dovecot_uidlist *list);

/* "LETTER NAME" a line, letters numbered from 0. */
struct dovecot_keywords {
	struct span names[DOVECOT_LETTERS]; /* empty: the letter has no meaning */
};

/* Lines that are wrong are left out, and the first of them told. Keywords past z are no fault: they
 * are in no file's name. */
void dovecot_keywords_read(struct span text, struct dovecot_keywords *keywords_r,
			   struct dovecot_fault *fault_r);

#endif
