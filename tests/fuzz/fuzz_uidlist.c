/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dovecot-uidlist: whatever is taken has rising UIDs below the next, one for a name, and every
 * file of the list is found by its name, with flags or without.
 */
#include <errno.h>
#include <stdlib.h>

#include "check.h"
#include "dovecot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void file_check(const struct dovecot_uidlist *list, const struct dovecot_uid *file)
{
	uint8_t *flagged = malloc(file->name.len + 4);

	ASSERT(flagged != NULL && file->name.len > 0);
	ASSERT(file->uid > 0 && file->uid < list->uidnext);
	memcpy(flagged, file->name.ptr, file->name.len);
	memcpy(flagged + file->name.len, ":2,S", 4);
	ASSERT(dovecot_uidlist_find(list, file->name) == file->uid);
	ASSERT(dovecot_uidlist_find(list, (struct span){flagged, file->name.len + 4}) == file->uid);
	free(flagged);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dovecot_uidlist list;
	struct dovecot_fault fault;
	int status = dovecot_uidlist_read((struct span){data, size}, &list, &fault);

	ASSERT(status == 0 || status == -EBADMSG);
	ASSERT(fault.line > 0 && (status == 0 || fault.why != NULL));
	if (status == 0) {
		ASSERT(list.uidvalidity > 0);
		for (size_t k = 0; k < list.n; k++)
			file_check(&list, &list.files[k]);
		ASSERT(dovecot_uidlist_find(&list, (struct span){NULL, 0}) == 0);
	}
	dovecot_uidlist_free(&list);
	return 0;
}
