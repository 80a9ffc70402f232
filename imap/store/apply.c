/* SPDX-License-Identifier: Apache-2.0 */
#include "apply.h"

#include <errno.h>

#include "check.h"
#include "draft.h"
#include "draft_edit.h"

static int mailbox_create(struct state_draft *draft, const struct store_change_record *record)
{
	const struct disk_mailbox_create *create = record->mailbox_create;
	struct state_new_mailbox new = {
		.number = create->mailbox,
		.attributes = create->attributes,
		.uidvalidity = create->uidvalidity,
		.name = record->text,
	};

	memcpy(new.mailboxid, create->mailboxid, sizeof(new.mailboxid));
	return state_draft_create(draft, &new);
}

static int mailbox_delete(struct state_draft *draft, const struct store_change_record *record)
{
	return state_draft_delete(draft, record->mailbox_delete->mailbox);
}

static int mailbox_rename(struct state_draft *draft, const struct store_change_record *record)
{
	return state_draft_rename(draft, record->mailbox_rename->mailbox, record->text);
}

static int mailbox_attributes(struct state_draft *draft, const struct store_change_record *record)
{
	return state_draft_attributes(draft, record->mailbox_attributes->mailbox,
				      record->mailbox_attributes->attributes);
}

static int keyword(struct state_draft *draft, const struct store_change_record *record)
{
	return state_draft_keyword(draft, record->keyword->mailbox, record->keyword->bit,
				   record->text);
}

static int segment(struct state_draft *draft, const struct store_change_record *record)
{
	const struct disk_segment_begin *begin = record->segment;
	uint32_t slot;

	return state_draft_segment(draft, (enum format_kind)begin->kind, begin->number,
				   begin->capacity, &slot);
}

/* A place by the number of its file. A slot that is none is refused where it is used. */
static struct state_place place_of(const struct state_draft *draft, enum format_kind kind,
				   uint32_t file_number, uint32_t off, uint32_t length)
{
	int64_t slot = state_segment_find(state_draft_root(draft), kind, file_number);

	return (struct state_place){slot >= 0 ? (uint32_t)slot : STATE_SLOT_NONE, off, length};
}

static int message(struct state_draft *draft, const struct store_change_record *record)
{
	const struct disk_message *message = record->message;
	struct state_place place =
		place_of(draft, FORMAT_MAIL, message->segment, message->off, message->length);
	const uint8_t *emailid = state_emailid(state_draft_root(draft), message->mid);

	if (emailid == NULL)
		return state_draft_message(draft, message->mid, &place, message->emailid);
	if (memcmp(emailid, message->emailid, 16) != 0)
		return state_draft_fail(draft, -EINVAL, "a message cannot become another");
	return state_draft_place(draft, message->mid, FORMAT_MAIL, &place, 0);
}

static int meta_place(struct state_draft *draft, const struct store_change_record *record)
{
	const struct disk_meta_place *meta = record->meta_place;
	struct state_place place =
		place_of(draft, FORMAT_META, meta->segment, meta->off, meta->length);

	return state_draft_place(draft, meta->mid, FORMAT_META, &place, meta->prep_version);
}

static int add(struct state_draft *draft, const struct store_change_record *record)
{
	const struct disk_add *add = record->add;
	struct rows_row row = {
		.uid = add->uid,
		.size = add->size,
		.mid = add->mid,
		.utc = add->utc_s,
		.saved = add->saved_s,
		.zone = add->zone_min,
		.flags = {add->system, {add->keywords[0], add->keywords[1]}},
	};

	return state_draft_add(draft, add->mailbox, &row);
}

static int flags(struct state_draft *draft, const struct store_change_record *record)
{
	const struct disk_flags *flags = record->flags;
	int status = 0;

	for (uint32_t k = 0; k < flags->runs_n && status == 0; k++) {
		const struct disk_flags_run *run = &flags->runs[k];
		struct store_flags to = {run->system, {run->keywords[0], run->keywords[1]}};

		status = state_draft_flags(draft, flags->mailbox, run->first, run->last, &to);
	}
	return status;
}

static int expunge(struct state_draft *draft, const struct store_change_record *record)
{
	const struct disk_expunge *expunge = record->expunge;
	int status = 0;

	for (uint32_t k = 0; k < expunge->runs_n && status == 0; k++)
		status = state_draft_expunge(draft, expunge->mailbox, expunge->runs[k].first,
					     expunge->runs[k].last);
	return status;
}

static int annotation(struct state_draft *draft, const struct store_change_record *record)
{
	(void)record;
	return state_draft_fail(draft, -ENOTSUP, "annotations are not kept yet");
}

static int quota(struct state_draft *draft, const struct store_change_record *record)
{
	return state_draft_limits(draft, record->quota->bytes_max, record->quota->messages_max);
}

int state_apply(const struct state *root, const struct store_change *change, struct state **next_r,
		const char **fault_r)
{
	static int (*const apply[FORMAT_CHANGE_TYPES])(struct state_draft *,
						       const struct store_change_record *) = {
		[FORMAT_MAILBOX_CREATE] = mailbox_create,
		[FORMAT_MAILBOX_DELETE] = mailbox_delete,
		[FORMAT_MAILBOX_RENAME] = mailbox_rename,
		[FORMAT_MAILBOX_ATTRIBUTES] = mailbox_attributes,
		[FORMAT_KEYWORD] = keyword,
		[FORMAT_MESSAGE] = message,
		[FORMAT_ADD] = add,
		[FORMAT_FLAGS] = flags,
		[FORMAT_EXPUNGE] = expunge,
		[FORMAT_META_PLACE] = meta_place,
		[FORMAT_ANNOTATION] = annotation,
		[FORMAT_QUOTA] = quota,
		[FORMAT_SEGMENT] = segment,
	};
	struct store_change_walk walk = store_change_walk(change);
	struct store_change_record record;
	struct state_draft *draft;
	int status =
		state_draft_begin(root, change->header->number, change->header->modseq, &draft);

	*next_r = NULL;
	*fault_r = NULL;
	if (status != 0) {
		*fault_r = status == -ENOMEM ? "there is no memory" : "a change is out of order";
		return status;
	}
	while (status == 0 && store_change_next(&walk, &record))
		status = apply[record.head->type](draft, &record);
	if (status == 0) {
		*next_r = state_draft_commit(&draft);
		return 0;
	}
	*fault_r = state_draft_fault(draft);
	state_draft_drop(&draft);
	return status;
}
