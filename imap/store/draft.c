/* SPDX-License-Identifier: Apache-2.0 */
#include "draft.h"

#include <errno.h>
#include <stdlib.h>

#include "check.h"
#include "draft_edit.h"
#include "name.h"
#include "record.h"

/* --- The draft itself --- */

int state_draft_fail(struct state_draft *draft, int status, const char *fault)
{
	if (draft->fault == NULL)
		draft->fault = status == -ENOMEM ? "there is no memory" : fault;
	return status;
}

int state_draft_begin(const struct state *root, uint64_t change, uint64_t modseq,
		      struct state_draft **draft_r)
{
	struct state_draft *draft;

	*draft_r = NULL;
	if (change != root->change + 1 || modseq < root->modseq || modseq > INT64_MAX)
		return -EINVAL; /* F8 */
	draft = calloc(1, sizeof(*draft));
	if (draft == NULL)
		return -ENOMEM;
	draft->root = state_copy(root);
	if (draft->root == NULL) {
		free(draft);
		return -ENOMEM;
	}
	draft->root->change = change;
	draft->root->modseq = modseq;
	draft->mid_first = root->mid_next;
	draft->modseq_new = modseq > root->modseq;
	*draft_r = draft;
	return 0;
}

struct state *state_draft_commit(struct state_draft **draft)
{
	struct state *root = (*draft)->root;

	ASSERT((*draft)->fault == NULL);
	free(*draft);
	*draft = NULL;
	return root;
}

void state_draft_drop(struct state_draft **draft)
{
	if (*draft == NULL)
		return;
	state_free((*draft)->root);
	free(*draft);
	*draft = NULL;
}

const struct state *state_draft_root(const struct state_draft *draft)
{
	return draft->root;
}

const char *state_draft_fault(const struct state_draft *draft)
{
	return draft->fault;
}

int state_draft_mailbox(struct state_draft *draft, uint32_t number,
			struct state_mailbox **mailbox_r)
{
	struct state_mailbox **slot, *copy;

	ASSERT(draft->fault == NULL);
	if (state_mailbox_numbered(draft->root, number) == NULL)
		return state_draft_fail(draft, -EINVAL, "there is no such mailbox");
	slot = pages_edit(&draft->root->mailboxes, number);
	if (slot == NULL)
		return state_draft_fail(draft, -ENOMEM, NULL);
	if ((*slot)->references > 1) {
		copy = state_mailbox_copy(*slot);
		if (copy == NULL)
			return state_draft_fail(draft, -ENOMEM, NULL);
		(*slot)->references--;
		*slot = copy;
	}
	*mailbox_r = *slot;
	return 0;
}

int state_draft_limits(struct state_draft *draft, uint64_t bytes_max, uint64_t messages_max)
{
	ASSERT(draft->fault == NULL);
	draft->root->bytes_max = bytes_max;
	draft->root->messages_max = messages_max;
	return 0;
}

/* --- Segments and messages --- */

int64_t state_segment_find(const struct state *root, enum format_kind kind, uint32_t file_number)
{
	for (uint32_t slot = root->segments_n; slot-- > 0;) {
		const struct disk_segment *segment = state_segment(root, slot);

		if (segment->kind == kind && segment->number == file_number)
			return slot;
	}
	return -ENOENT;
}

int state_draft_segment(struct state_draft *draft, enum format_kind kind, uint32_t file_number,
			uint64_t capacity, uint32_t *slot_r)
{
	struct state *root = draft->root;
	struct disk_segment *segment;

	ASSERT(draft->fault == NULL);
	if (kind != FORMAT_MAIL && kind != FORMAT_META)
		return state_draft_fail(draft, -EINVAL, "a segment is of an unknown kind");
	if (root->segments_n == FORMAT_SEGMENTS_MAX)
		return state_draft_fail(draft, -EINVAL, "there are too many segments");
	if (capacity < sizeof(struct disk_segment_header) || capacity > UINT64_C(1) << 32)
		return state_draft_fail(draft, -EINVAL, "a segment's capacity is out of bounds");
	if (state_segment_find(root, kind, file_number) >= 0)
		return state_draft_fail(draft, -EINVAL, "there is a segment of that number");
	segment = pages_edit(&root->segments, root->segments_n);
	if (segment == NULL)
		return state_draft_fail(draft, -ENOMEM, NULL);
	*segment = (struct disk_segment){
		.kind = kind,
		.number = file_number,
		.used = sizeof(struct disk_segment_header),
		.capacity = capacity,
	};
	*slot_r = root->segments_n++;
	return 0;
}

/* Takes the place in its segment. */
static int place_take(struct state_draft *draft, uint64_t mid, enum format_kind kind,
		      const struct state_place *place)
{
	const struct disk_segment *before = state_segment(draft->root, place->slot);
	struct disk_segment *segment;
	uint64_t end = place->off + store_record_bytes(place->length);

	if (before == NULL || before->kind != kind)
		return state_draft_fail(draft, -EINVAL, "there is no such segment");
	if (place->off % FORMAT_RECORD_ALIGN != 0 || place->off < before->used)
		return state_draft_fail(draft, -EINVAL, "a record lies over another"); /* F4 */
	if (end > before->capacity || end > UINT32_MAX)
		return state_draft_fail(draft, -EINVAL, "a record lies outside of its segment");
	if (mid <= before->mid_last)
		return state_draft_fail(draft, -EINVAL, "records are out of order"); /* F6 */
	segment = pages_edit(&draft->root->segments, place->slot);
	if (segment == NULL)
		return state_draft_fail(draft, -ENOMEM, NULL);
	segment->used = end;
	segment->mid_first = segment->mid_first == 0 ? mid : segment->mid_first;
	segment->mid_last = mid;
	return 0;
}

int state_draft_message(struct state_draft *draft, uint64_t mid, const struct state_place *mail,
			const uint8_t emailid[16])
{
	struct state *root = draft->root;
	struct disk_mid *entry;
	uint8_t *id;
	int status;

	ASSERT(draft->fault == NULL);
	if (mid != root->mid_next || mid == UINT64_MAX)
		return state_draft_fail(draft, -EINVAL, "a message's number is not the next");
	if (mail->length > STORE_MESSAGE_BYTES_MAX)
		return state_draft_fail(draft, -EINVAL, "a message is too long");
	status = place_take(draft, mid, FORMAT_MAIL, mail);
	if (status != 0)
		return status;
	entry = pages_edit(&root->mids, mid - 1);
	id = pages_edit(&root->emailids, mid - 1);
	if (entry == NULL || id == NULL)
		return state_draft_fail(draft, -ENOMEM, NULL);
	*entry = (struct disk_mid){
		.mail_slot = mail->slot,
		.mail_off = mail->off,
		.mail_len = mail->length,
		.meta_slot = STATE_SLOT_NONE,
	};
	memcpy(id, emailid, 16);
	root->mid_next++;
	return 0;
}

/* Whether a mailbox may name it: an entry without references means nothing once it was written. */
static bool mid_lives(const struct state_draft *draft, uint64_t mid)
{
	const struct disk_mid *entry = state_mid(draft->root, mid);

	return entry != NULL && (entry->references > 0 || mid >= draft->mid_first);
}

int state_draft_place(struct state_draft *draft, uint64_t mid, enum format_kind kind,
		      const struct state_place *place, uint32_t prep_version)
{
	struct disk_mid *entry;
	int status;

	ASSERT(draft->fault == NULL);
	if (!mid_lives(draft, mid))
		return state_draft_fail(draft, -EINVAL, "there is no such message");
	if (kind == FORMAT_MAIL && place->length != state_mid(draft->root, mid)->mail_len)
		return state_draft_fail(draft, -EINVAL, "a message cannot change its length");
	status = place_take(draft, mid, kind, place);
	if (status != 0)
		return status;
	entry = pages_edit(&draft->root->mids, mid - 1);
	if (entry == NULL)
		return state_draft_fail(draft, -ENOMEM, NULL);
	if (kind == FORMAT_MAIL) {
		entry->mail_slot = place->slot;
		entry->mail_off = place->off;
		return 0;
	}
	entry->meta_slot = place->slot;
	entry->meta_off = place->off;
	entry->meta_len = place->length;
	entry->prep_version = prep_version;
	return 0;
}

/* --- Rows --- */

/* Counts one holder more or less (`by`) of a message of that size. */
int state_draft_reference(struct state_draft *draft, uint64_t mid, uint32_t size, int by)
{
	const struct disk_mid *before = state_mid(draft->root, mid);
	struct disk_mid *entry;

	ASSERT(by == 1 || by == -1);
	if (by > 0 && (!mid_lives(draft, mid) || before->references == UINT32_MAX))
		return state_draft_fail(draft, -EINVAL, "there is no such message");
	if (by < 0 && (before == NULL || before->references == 0))
		return state_draft_fail(draft, -EIO, "a row names a message that is not there");
	if (before->mail_len != size)
		return state_draft_fail(draft, by > 0 ? -EINVAL : -EIO,
					"a message is of another size");
	entry = pages_edit(&draft->root->mids, mid - 1);
	if (entry == NULL)
		return state_draft_fail(draft, -ENOMEM, NULL);
	entry->references += (uint32_t)by;
	return 0;
}

static bool flags_allowed(const struct state_mailbox *mailbox, const struct store_flags *flags)
{
	static const uint32_t known =
		STORE_SEEN | STORE_ANSWERED | STORE_FLAGGED | STORE_DELETED | STORE_DRAFT;
	unsigned n = state_keyword_count(mailbox);
	uint64_t low = n >= 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;
	uint64_t high = n >= 128 ? UINT64_MAX : n > 64 ? (UINT64_C(1) << (n - 64)) - 1 : 0;

	return (flags->system & ~known) == 0 && (flags->keywords[0] & ~low) == 0 &&
	       (flags->keywords[1] & ~high) == 0;
}

/* Counts a row of these flags. */
static void counters_add(struct state_mailbox *mailbox, uint32_t system, uint32_t size)
{
	mailbox->unseen += (system & STORE_SEEN) == 0;
	mailbox->deleted += (system & STORE_DELETED) != 0;
	mailbox->size_deleted += (system & STORE_DELETED) != 0 ? size : 0;
}

/* And takes it back. False: the checkpoint's counters and rows do not agree. */
static bool counters_take(struct state_mailbox *mailbox, uint32_t system, uint32_t size)
{
	bool unseen = (system & STORE_SEEN) == 0, deleted = (system & STORE_DELETED) != 0;

	if (mailbox->unseen < unseen || mailbox->deleted < deleted ||
	    (deleted && mailbox->size_deleted < size))
		return false;
	mailbox->unseen -= unseen;
	mailbox->deleted -= deleted;
	mailbox->size_deleted -= deleted ? size : 0;
	return true;
}

int state_draft_add(struct state_draft *draft, uint32_t number, const struct rows_row *row)
{
	struct state *root = draft->root;
	struct state_mailbox *mailbox;
	struct rows_row added = *row;
	int status = state_draft_mailbox(draft, number, &mailbox);

	if (status != 0)
		return status;
	if (!draft->modseq_new)
		return state_draft_fail(draft, -EINVAL, STATE_MODSEQ_TWICE);
	if (row->uid < mailbox->uidnext || row->uid == UINT32_MAX)
		return state_draft_fail(draft, -EINVAL, "a UID is not the next");
	if ((mailbox->attributes & STATE_PLACELESS) != 0)
		return state_draft_fail(draft, -EINVAL, "the mailbox holds no messages");
	if (!flags_allowed(mailbox, &row->flags))
		return state_draft_fail(draft, -EINVAL, "a flag is unknown");
	status = state_draft_reference(draft, row->mid, row->size, 1);
	if (status != 0)
		return status;
	added.modseq = root->modseq;
	status = rows_append(&mailbox->rows, &added);
	if (status != 0)
		return state_draft_fail(draft, status, "the rows are damaged");
	counters_add(mailbox, row->flags.system, row->size);
	mailbox->uidnext = row->uid + 1;
	mailbox->highestmodseq = root->modseq;
	mailbox->size += row->size;
	root->bytes += row->size;
	root->messages++;
	return 0;
}

/* The rows [index, end) of a run of UIDs: at least one. */
struct run {
	struct state_mailbox *mailbox;
	uint32_t index, end;
};

static int run_open(struct state_draft *draft, uint32_t number, uint32_t uid_first,
		    uint32_t uid_last, struct run *run_r)
{
	int status;

	*run_r = (struct run){.mailbox = NULL};
	status = state_draft_mailbox(draft, number, &run_r->mailbox);
	if (status != 0)
		return status;
	if (!draft->modseq_new)
		return state_draft_fail(draft, -EINVAL, STATE_MODSEQ_TWICE);
	if (uid_first == 0 || uid_first > uid_last || uid_last >= run_r->mailbox->uidnext)
		return state_draft_fail(draft, -EINVAL, "a run of UIDs is out of bounds");
	run_r->index = rows_lower_bound(&run_r->mailbox->rows, uid_first);
	run_r->end = rows_lower_bound(&run_r->mailbox->rows, uid_last + 1);
	if (run_r->index >= run_r->end)
		return state_draft_fail(draft, -EINVAL, "a run of UIDs has no message");
	return 0;
}

int state_draft_flags(struct state_draft *draft, uint32_t number, uint32_t uid_first,
		      uint32_t uid_last, const struct store_flags *flags)
{
	struct run run;
	int status = run_open(draft, number, uid_first, uid_last, &run);

	if (status != 0)
		return status;
	if (!flags_allowed(run.mailbox, flags))
		return state_draft_fail(draft, -EINVAL, "a flag is unknown");
	for (uint32_t index = run.index, first; index < run.end; index++) {
		const struct rows_leaf *leaf = rows_find(&run.mailbox->rows, index, &first);
		uint32_t size = leaf->size[index - first];

		if (!counters_take(run.mailbox, rows_flags(leaf, index - first).system, size))
			return state_draft_fail(draft, -EIO, "counters and rows do not agree");
		counters_add(run.mailbox, flags->system, size);
		status = rows_flags_set(&run.mailbox->rows, index, flags, draft->root->modseq);
		if (status != 0)
			return state_draft_fail(draft, status, "the rows are damaged");
	}
	run.mailbox->highestmodseq = draft->root->modseq;
	return 0;
}

int state_draft_expunge(struct state_draft *draft, uint32_t number, uint32_t uid_first,
			uint32_t uid_last)
{
	struct run run;
	int status = run_open(draft, number, uid_first, uid_last, &run);

	if (status == 0)
		status = state_draft_forget(draft, run.mailbox, run.index, run.end);
	if (status != 0)
		return status;
	status = rows_remove(&run.mailbox->rows, run.index, run.end - run.index);
	if (status == 0)
		status = vanished_add(
			&run.mailbox->vanished,
			(struct vanished_run){draft->root->modseq, uid_first, uid_last});
	if (status != 0)
		return state_draft_fail(draft, status, "the rows are damaged");
	run.mailbox->highestmodseq = draft->root->modseq;
	return 0;
}

int state_draft_forget(struct state_draft *draft, struct state_mailbox *mailbox, uint32_t index,
		       uint32_t end)
{
	for (uint32_t first; index < end; index++) {
		const struct rows_leaf *leaf = rows_find(&mailbox->rows, index, &first);
		uint32_t i = index - first, size = leaf->size[i];
		int status = state_draft_reference(draft, leaf->mid[i], size, -1);

		if (status != 0)
			return status;
		if (!counters_take(mailbox, rows_flags(leaf, i).system, size) ||
		    mailbox->size < size || draft->root->bytes < size || draft->root->messages == 0)
			return state_draft_fail(draft, -EIO, "counters and rows do not agree");
		mailbox->size -= size;
		draft->root->bytes -= size;
		draft->root->messages--;
	}
	return 0;
}
