/* SPDX-License-Identifier: Apache-2.0 */
#include "import.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "check.h"
#include "name.h"

int store_import_mailbox_make(struct store_import *import, struct span name, uint32_t attributes,
			      uint32_t *number_r)
{
	struct import_mailbox *mailbox;

	if (import->mailboxes_n >= STORE_MAILBOXES_MAX)
		return -ENOSPC;
	if (import->uidvalidity_next == UINT32_MAX)
		return -EOVERFLOW;
	if (import->mailboxes_n == import->mailboxes_room) {
		uint32_t room = import->mailboxes_room == 0 ? 16 : import->mailboxes_room * 2;
		void *larger = realloc(import->mailboxes, room * sizeof(*import->mailboxes));

		if (larger == NULL)
			return -ENOMEM;
		import->mailboxes = larger;
		import->mailboxes_room = room;
	}
	mailbox = calloc(1, sizeof(*mailbox));
	if (mailbox == NULL)
		return -ENOMEM;
	mailbox->name = malloc(name.len);
	if (mailbox->name == NULL || getrandom(mailbox->disk.mailboxid, 16, 0) != 16) {
		store_import_mailbox_free(&mailbox);
		return -ENOMEM;
	}
	memcpy(mailbox->name, name.ptr, name.len);
	mailbox->name_len = name.len;
	mailbox->disk.attributes = attributes;
	mailbox->disk.uidvalidity = import->uidvalidity_next++;
	mailbox->disk.uidnext = 1;
	mailbox->disk.highestmodseq = ++import->modseq;
	import->changed = true;
	*number_r = import->mailboxes_n;
	import->mailboxes[import->mailboxes_n++] = mailbox;
	return 0;
}

static bool column_grow(void *column_p, uint32_t room, size_t width)
{
	void *column, *larger;

	memcpy(&column, column_p, sizeof(column));
	larger = realloc(column, room * width);
	if (larger == NULL)
		return false;
	memcpy(column_p, &larger, sizeof(larger));
	return true;
}

int store_import_mailbox_reserve(struct import_mailbox *mailbox)
{
	uint32_t room = mailbox->room == 0 ? FORMAT_CHUNK_MESSAGES : mailbox->room * 2;
	uint32_t chunks = room / FORMAT_CHUNK_MESSAGES;
	uint32_t old_chunks = mailbox->room / FORMAT_CHUNK_MESSAGES;

	if (mailbox->disk.messages < mailbox->room)
		return 0;
	if (!column_grow(&mailbox->uid, room, sizeof(*mailbox->uid)) ||
	    !column_grow(&mailbox->size, room, sizeof(*mailbox->size)) ||
	    !column_grow(&mailbox->mid, room, sizeof(*mailbox->mid)) ||
	    !column_grow(&mailbox->utc, room, sizeof(*mailbox->utc)) ||
	    !column_grow(&mailbox->saved, room, sizeof(*mailbox->saved)) ||
	    !column_grow(&mailbox->zone, room, sizeof(*mailbox->zone)) ||
	    !column_grow(&mailbox->chunks, chunks, sizeof(*mailbox->chunks)))
		return -ENOMEM;
	memset(mailbox->chunks + old_chunks, 0, (chunks - old_chunks) * sizeof(*mailbox->chunks));
	mailbox->room = room;
	return 0;
}

int store_import_keyword(struct import_mailbox *mailbox, struct span keyword)
{
	struct import_keyword *made;

	for (uint32_t k = 0; k < mailbox->keywords_n; k++) {
		struct import_keyword *known = &mailbox->keywords[k];

		if (span_eq_fold((struct span){known->bytes, known->len}, keyword))
			return (int)k;
	}
	if (mailbox->keywords_n == STORE_KEYWORDS_MAX)
		return -ENOSPC;
	if (!store_keyword_valid(keyword))
		return -EINVAL;
	made = &mailbox->keywords[mailbox->keywords_n];
	memcpy(made->bytes, keyword.ptr, keyword.len);
	made->len = (uint8_t)keyword.len;
	return (int)mailbox->keywords_n++;
}

/* --- What clients know it by --- */

static bool mailboxid_taken(const struct store_import *import, const uint8_t id[16])
{
	for (uint32_t k = 0; k < import->mailboxes_n; k++)
		if (memcmp(import->mailboxes[k]->disk.mailboxid, id, 16) == 0)
			return true;
	return false;
}

int store_import_identity(struct store_import *import, unsigned mailbox,
			  const struct store_identity *identity, struct store_error *error_r)
{
	struct import_mailbox *one;

	ASSERT(mailbox < import->mailboxes_n);
	one = import->mailboxes[mailbox];
	if (identity->uidvalidity == 0 || identity->uidvalidity > STORE_UIDVALIDITY_KEPT_MAX) {
		store_error_set(error_r, "UIDVALIDITY %u is not between 1 and %u",
				identity->uidvalidity, STORE_UIDVALIDITY_KEPT_MAX);
		return -EINVAL;
	}
	if (one->disk.uidvalidity != identity->uidvalidity && one->disk.uidnext > 1) {
		store_error_set(error_r, "UIDVALIDITY %u, but mail is here under %u",
				identity->uidvalidity, one->disk.uidvalidity);
		return -EEXIST;
	}
	one->identified = true;
	if (one->disk.uidnext > 1)
		return 0;
	import->changed |= one->disk.uidvalidity != identity->uidvalidity;
	one->disk.uidvalidity = identity->uidvalidity;
	/* A name that is used again must have a greater one than any it had. */
	if (import->uidvalidity_next <= identity->uidvalidity)
		import->uidvalidity_next = identity->uidvalidity + 1;
	if (identity->mailboxid != NULL && !mailboxid_taken(import, identity->mailboxid)) {
		memcpy(one->disk.mailboxid, identity->mailboxid, sizeof(one->disk.mailboxid));
		import->changed = true;
	}
	return 0;
}

void store_import_uidnext(struct store_import *import, unsigned mailbox, uint32_t uidnext)
{
	struct import_mailbox *one;

	ASSERT(mailbox < import->mailboxes_n);
	one = import->mailboxes[mailbox];
	if (one->disk.uidnext >= uidnext)
		return;
	one->disk.uidnext = uidnext;
	import->changed = true;
}

int store_import_uidvalidity_renew(struct store_import *import, unsigned mailbox,
				   struct store_error *error_r)
{
	ASSERT(mailbox < import->mailboxes_n);
	if (import->uidvalidity_next == UINT32_MAX) {
		store_error_set(error_r, "the account has no UIDVALIDITY left");
		return -EOVERFLOW;
	}
	import->mailboxes[mailbox]->disk.uidvalidity = import->uidvalidity_next++;
	import->mailboxes[mailbox]->identified = false;
	import->changed = true;
	return 0;
}

void store_import_mailbox_free(struct import_mailbox **mailbox)
{
	struct import_mailbox *gone = *mailbox;

	free(gone->name);
	free(gone->uid);
	free(gone->size);
	free(gone->mid);
	free(gone->utc);
	free(gone->saved);
	free(gone->zone);
	free(gone->chunks);
	free(gone);
	*mailbox = NULL;
}
