/* SPDX-License-Identifier: Apache-2.0 */
/* Names of mailboxes and keywords: what is allowed, and in which order. Pure; any thread. */
#ifndef WIREMAP_STORE_NAME_H
#define WIREMAP_STORE_NAME_H

#include <stdbool.h>

#include "span.h"

/* NULL, or why a mailbox cannot have that name. INBOX in another case is a fault here. */
const char *store_name_fault(struct span name);

/* Order of mailboxes: INBOX and what hangs under it first, the separator lowest. */
int store_name_compare(struct span a, struct span b);

/* Whether the name is INBOX, in any case, or something under it (RFC 3501 5.1). */
bool store_name_inbox(struct span name);

/* Whether `name` is an inferior of `superior`, at any depth. */
bool store_name_under(struct span name, struct span superior);

/* An IMAP atom of 1 to STORE_KEYWORD_BYTES_MAX bytes. */
bool store_keyword_valid(struct span keyword);

#endif
