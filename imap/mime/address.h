/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Address lists (RFC 5322 section 3.4, with its obsolete forms and groups) straight into the
 * form of ENVELOPE (RFC 3501 section 7.4.2). Any thread; the caller's scratch is overwritten.
 */
#ifndef WIREMAP_MIME_ADDRESS_H
#define WIREMAP_MIME_ADDRESS_H

#include "bytes.h"

/* Strings an address is put together in; reused from list to list. */
struct address_scratch {
	struct bytes name, route, mailbox, domain, word, comment;
};
void address_scratch_free(struct address_scratch *scratch);
void address_scratch_restart(struct address_scratch *scratch);
bool address_scratch_failed(const struct address_scratch *scratch);

/* Appends "(name route mailbox host)" for each address of `value`, nothing around them; what is
 * broken or missing gets Dovecot's marker words. Returns whether there was any. Linear. */
bool address_list_write(struct address_scratch *scratch, struct span value, struct bytes *out);

#endif
