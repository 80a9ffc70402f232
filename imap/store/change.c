/* SPDX-License-Identifier: Apache-2.0 */
#include "change.h"

#include <stddef.h>

#include "check.h"
#include "crc32c.h"
#include "name.h"
#include "record.h"
#include "store.h"

enum {
	ATTRIBUTES_KNOWN = (STORE_NONEXISTENT << 1) - 1,
	SYSTEM_KNOWN = (STORE_DRAFT << 1) - 1,
};

static const char newer[] = "it needs a newer program";

/* What follows a record's struct: `unit` bytes for each of a count that stands in it. */
struct tail {
	uint16_t at;
	uint8_t width; /* of the count, bytes; 0: nothing follows */
	uint8_t unit;
};

#define TAIL(type, field, bytes)                                                                   \
	{                                                                                          \
		.at = offsetof(struct type, field), .width = sizeof(((struct type *)NULL)->field), \
		.unit = (bytes)                                                                    \
	}

/* What the check of a change remembers from record to record. */
struct order {
	uint32_t mailbox, uid; /* of the ADD right before */
};

typedef const char *record_check(const struct store_change_record *record, struct order *order);

static uint64_t padded(uint64_t bytes)
{
	return (bytes + FORMAT_CHANGE_ALIGN - 1) & ~(uint64_t)(FORMAT_CHANGE_ALIGN - 1);
}

/* --- What a record may say --- */

static const char *name_check(struct span name)
{
	return store_name_fault(name) != NULL ? "a mailbox's name is not allowed" : NULL;
}

static const char *attributes_check(uint32_t attributes)
{
	return (attributes & ~(uint32_t)ATTRIBUTES_KNOWN) != 0 ? newer : NULL;
}

static const char *create_check(const struct store_change_record *record, struct order *order)
{
	const char *fault = attributes_check(record->mailbox_create->attributes);

	(void)order;
	if (fault == NULL && record->mailbox_create->uidvalidity == 0)
		fault = "a mailbox has no UIDVALIDITY";
	return fault != NULL ? fault : name_check(record->text);
}

static const char *delete_check(const struct store_change_record *record, struct order *order)
{
	(void)order;
	return record->mailbox_delete->reserved != 0 ? newer : NULL;
}

static const char *rename_check(const struct store_change_record *record, struct order *order)
{
	(void)order;
	return name_check(record->text);
}

static const char *set_attributes_check(const struct store_change_record *record,
					struct order *order)
{
	(void)order;
	return attributes_check(record->mailbox_attributes->attributes);
}

static const char *keyword_check(const struct store_change_record *record, struct order *order)
{
	(void)order;
	if (record->keyword->bit >= STORE_KEYWORDS_MAX || !store_keyword_valid(record->text))
		return "a keyword is not allowed";
	return NULL;
}

/* A record of a segment: behind the header, and its end within what `used` can say. */
static bool place_valid(uint32_t off, uint32_t length)
{
	return off >= sizeof(struct disk_segment_header) && off % FORMAT_RECORD_ALIGN == 0 &&
	       off + store_record_bytes(length) <= UINT32_MAX;
}

static const char *message_check(const struct store_change_record *record, struct order *order)
{
	const struct disk_message *message = record->message;

	(void)order;
	if (message->mid == 0 || message->length > STORE_MESSAGE_BYTES_MAX ||
	    !place_valid(message->off, message->length))
		return "a message's place is out of bounds";
	if (message->carried != 0 &&
	    (message->carried != message->length || message->carried > FORMAT_CARRIED_BYTES_MAX))
		return "a message is carried in part";
	return NULL;
}

static const char *add_check(const struct store_change_record *record, struct order *order)
{
	const struct disk_add *add = record->add;

	if (add->mid == 0 || add->size > STORE_MESSAGE_BYTES_MAX)
		return "a row names no message";
	/* UIDNEXT is greater, and a number of 32 bits. */
	if (add->uid == 0 || add->uid == UINT32_MAX ||
	    (order->mailbox == add->mailbox && add->uid <= order->uid))
		return "its UIDs are out of order";
	*order = (struct order){.mailbox = add->mailbox, .uid = add->uid};
	return (add->system & ~(uint32_t)SYSTEM_KNOWN) != 0 ? newer : NULL;
}

static const char *flags_check(const struct store_change_record *record, struct order *order)
{
	const struct disk_flags *flags = record->flags;
	uint32_t uid = 0;

	(void)order;
	if (flags->runs_n == 0)
		return "a record of flags is empty";
	for (uint32_t k = 0; k < flags->runs_n; k++) {
		const struct disk_flags_run *run = &flags->runs[k];

		if (run->first <= uid || run->last < run->first)
			return "its UIDs are out of order";
		if ((run->system & ~(uint32_t)SYSTEM_KNOWN) != 0 || run->reserved16 != 0 ||
		    run->reserved != 0)
			return newer;
		uid = run->last;
	}
	return NULL;
}

static const char *expunge_check(const struct store_change_record *record, struct order *order)
{
	const struct disk_expunge *expunge = record->expunge;
	uint32_t uid = 0;

	(void)order;
	if (expunge->runs_n == 0)
		return "an expunge is empty";
	for (uint32_t k = 0; k < expunge->runs_n; k++) {
		const struct disk_uid_run *run = &expunge->runs[k];

		if (run->first <= uid || run->last < run->first)
			return "its UIDs are out of order";
		uid = run->last;
	}
	return NULL;
}

static const char *meta_place_check(const struct store_change_record *record, struct order *order)
{
	const struct disk_meta_place *place = record->meta_place;

	(void)order;
	if (place->mid == 0 || !place_valid(place->off, place->length))
		return "derived bytes' place is out of bounds";
	return NULL;
}

/* RFC 5464 3.1: levels of ASCII, none empty, without wildcards; folded, so that equal ones are. */
static bool entry_valid(struct span entry)
{
	if (entry.len < 2 || entry.len > FORMAT_ENTRY_BYTES_MAX || entry.ptr[0] != '/' ||
	    entry.ptr[entry.len - 1] == '/')
		return false;
	for (size_t i = 0; i < entry.len; i++) {
		uint8_t c = entry.ptr[i];

		if (c < ' ' || c >= 0x7f || c == '*' || c == '%' || c != span_lower(c) ||
		    (c == '/' && entry.ptr[i + 1] == '/'))
			return false;
	}
	return true;
}

static const char *annotation_check(const struct store_change_record *record, struct order *order)
{
	const struct disk_annotation *annotation = record->annotation;

	(void)order;
	if (!entry_valid(record->text))
		return "an annotation's name is not allowed";
	if (annotation->exists > 1)
		return newer;
	if (record->value.len > (annotation->exists != 0 ? FORMAT_ANNOTATION_BYTES_MAX : 0))
		return "an annotation's value is too long";
	return NULL;
}

static const char *segment_check(const struct store_change_record *record, struct order *order)
{
	const struct disk_segment_begin *segment = record->segment;

	(void)order;
	if (segment->kind != FORMAT_MAIL && segment->kind != FORMAT_META)
		return newer;
	if (segment->capacity < sizeof(struct disk_segment_header) ||
	    segment->capacity > (uint64_t)UINT32_MAX + 1)
		return "a segment's capacity is out of bounds";
	return NULL;
}

/* --- Reading --- */

static const struct kind {
	uint32_t bytes; /* of its struct; 0: no such type */
	bool named;	/* at byte 8 is a mailbox's number, which is not 0 */
	struct tail text, value;
	record_check *check; /* NULL: it may say anything */
} kinds[FORMAT_CHANGE_TYPES] = {
	[FORMAT_MAILBOX_CREATE] = {.bytes = sizeof(struct disk_mailbox_create),
				   .named = true,
				   .text = TAIL(disk_mailbox_create, name_bytes, 1),
				   .check = create_check},
	[FORMAT_MAILBOX_DELETE] = {.bytes = sizeof(struct disk_mailbox_delete),
				   .named = true,
				   .check = delete_check},
	[FORMAT_MAILBOX_RENAME] = {.bytes = sizeof(struct disk_mailbox_rename),
				   .named = true,
				   .text = TAIL(disk_mailbox_rename, name_bytes, 1),
				   .check = rename_check},
	[FORMAT_MAILBOX_ATTRIBUTES] = {.bytes = sizeof(struct disk_mailbox_attributes),
				       .named = true,
				       .check = set_attributes_check},
	[FORMAT_KEYWORD] = {.bytes = sizeof(struct disk_keyword),
			    .named = true,
			    .text = TAIL(disk_keyword, name_bytes, 1),
			    .check = keyword_check},
	[FORMAT_MESSAGE] = {.bytes = sizeof(struct disk_message),
			    .value = TAIL(disk_message, carried, 1),
			    .check = message_check},
	[FORMAT_ADD] = {.bytes = sizeof(struct disk_add), .named = true, .check = add_check},
	[FORMAT_FLAGS] = {.bytes = sizeof(struct disk_flags),
			  .named = true,
			  .value = TAIL(disk_flags, runs_n, sizeof(struct disk_flags_run)),
			  .check = flags_check},
	[FORMAT_EXPUNGE] = {.bytes = sizeof(struct disk_expunge),
			    .named = true,
			    .value = TAIL(disk_expunge, runs_n, sizeof(struct disk_uid_run)),
			    .check = expunge_check},
	[FORMAT_META_PLACE] = {.bytes = sizeof(struct disk_meta_place), .check = meta_place_check},
	[FORMAT_ANNOTATION] = {.bytes = sizeof(struct disk_annotation),
			       .text = TAIL(disk_annotation, entry_bytes, 1),
			       .value = TAIL(disk_annotation, value_bytes, 1),
			       .check = annotation_check},
	[FORMAT_QUOTA] = {.bytes = sizeof(struct disk_quota)},
	[FORMAT_SEGMENT] = {.bytes = sizeof(struct disk_segment_begin), .check = segment_check},
};

/* NULL: this program does not know the type. */
static const struct kind *kind_of(const struct disk_change_head *head)
{
	return head->type < FORMAT_CHANGE_TYPES && kinds[head->type].bytes != 0 ? &kinds[head->type]
										: NULL;
}

static uint64_t tail_bytes(const uint8_t *record, struct tail tail)
{
	uint64_t count = 0;

	memcpy(&count, record + tail.at, tail.width);
	return count * tail.unit;
}

/* What the record's struct and what follows it take, as it says itself: maybe more than it has. */
static uint64_t record_bytes(const uint8_t *at, const struct kind *kind)
{
	return kind->bytes + tail_bytes(at, kind->text) + tail_bytes(at, kind->value);
}

static void record_lay(const uint8_t *at, const struct kind *kind,
		       struct store_change_record *record_r)
{
	uint64_t text = tail_bytes(at, kind->text), value = tail_bytes(at, kind->value);

	record_r->head = (const struct disk_change_head *)at;
	record_r->text = (struct span){at + kind->bytes, text};
	record_r->value = (struct span){at + kind->bytes + text, value};
}

static const char *record_check_known(const uint8_t *at, const struct kind *kind,
				      struct store_change_record *record_r, struct order *order)
{
	const struct disk_change_head *head = (const struct disk_change_head *)at;
	uint64_t bytes;
	uint32_t mailbox;

	if ((head->must_understand & ~FORMAT_TYPE_REQUIRED) != 0)
		return newer;
	if (head->bytes < kind->bytes)
		return "a record is cut";
	bytes = record_bytes(at, kind);
	if (padded(bytes) != head->bytes)
		return "a record's lengths differ";
	for (uint64_t k = bytes; k < head->bytes; k++)
		if (at[k] != 0)
			return "a record is not filled up with zeros";
	memcpy(&mailbox, at + sizeof(*head), sizeof(mailbox));
	if (kind->named && mailbox == 0)
		return "a record names no mailbox";
	record_lay(at, kind, record_r);
	if (head->type != FORMAT_ADD)
		*order = (struct order){0};
	return kind->check != NULL ? kind->check(record_r, order) : NULL;
}

/* Checks all records; the checksum may be wrong or missing. */
static const char *records_check(struct store_change *change)
{
	struct span records = change->records;
	struct order order = {0};
	uint32_t n = 0;

	for (size_t at = 0; at < records.len; n++) {
		const struct disk_change_head *head =
			(const struct disk_change_head *)(records.ptr + at);
		const struct kind *kind = kind_of(head);
		struct store_change_record record;
		const char *fault = NULL;

		if (head->bytes < sizeof(*head) || head->bytes % FORMAT_CHANGE_ALIGN != 0 ||
		    head->bytes > records.len - at)
			return "a record leaves its change";
		if (kind == NULL)
			fault = head->must_understand != 0 ? newer : NULL;
		else
			fault = record_check_known(records.ptr + at, kind, &record, &order);
		if (fault != NULL)
			return fault;
		if (head->type == FORMAT_MESSAGE)
			change->carried += record.value.len;
		at += head->bytes;
	}
	return n != change->header->records ? "its records are more or fewer" : NULL;
}

static uint32_t change_crc(const struct disk_change *header)
{
	uint32_t crc = store_crc32c(0, header, offsetof(struct disk_change, crc));

	return store_crc32c(crc, header + 1, header->bytes - sizeof(*header));
}

static const char *torn(struct span bytes)
{
	const struct disk_change *header = (const struct disk_change *)bytes.ptr;

	if (bytes.len < sizeof(*header))
		return "it is cut";
	if (header->magic != FORMAT_MAGIC_CHANGE)
		return "no change begins there";
	if (header->bytes < sizeof(*header) || header->bytes > FORMAT_CHANGE_BYTES_MAX ||
	    header->bytes % FORMAT_CHANGE_ALIGN != 0)
		return "its length is out of bounds";
	if (header->bytes > bytes.len)
		return "it is cut";
	return header->crc != change_crc(header) ? "its checksum does not hold" : NULL;
}

static const char *header_check(const struct disk_change *header)
{
	if ((header->must_understand & ~FORMAT_UNDERSTOOD) != 0 || header->reserved != 0)
		return newer;
	if (header->number == 0 || header->modseq == 0 || header->modseq > INT64_MAX)
		return "its number or its modseq is out of bounds";
	return NULL;
}

enum store_change_status store_change_open(struct span bytes, struct store_change *change_r)
{
	ASSERT((uintptr_t)bytes.ptr % FORMAT_CHANGE_ALIGN == 0);
	*change_r = (struct store_change){.fault = torn(bytes)};
	if (change_r->fault != NULL)
		return STORE_CHANGE_TORN;
	change_r->header = (const struct disk_change *)bytes.ptr;
	change_r->records = (struct span){bytes.ptr + sizeof(struct disk_change),
					  change_r->header->bytes - sizeof(struct disk_change)};
	change_r->fault = header_check(change_r->header);
	if (change_r->fault == NULL)
		change_r->fault = records_check(change_r);
	return change_r->fault == NULL ? STORE_CHANGE_WHOLE : STORE_CHANGE_REFUSED;
}

struct store_change_walk store_change_walk(const struct store_change *change)
{
	ASSERT(change->fault == NULL);
	return (struct store_change_walk){change->records.ptr, span_end(change->records)};
}

bool store_change_next(struct store_change_walk *walk, struct store_change_record *record_r)
{
	while (walk->at < walk->end) {
		const uint8_t *at = walk->at;
		const struct disk_change_head *head = (const struct disk_change_head *)at;
		const struct kind *kind = kind_of(head);

		ASSERT(head->bytes >= sizeof(*head));
		walk->at += head->bytes;
		if (kind != NULL) {
			record_lay(at, kind, record_r);
			return true;
		}
	}
	return false;
}

void store_change_seal(struct disk_change *header)
{
	struct store_change change = {
		.header = header,
		.records = {(const uint8_t *)(header + 1), header->bytes - sizeof(*header)},
	};

	ASSERT(header->bytes >= sizeof(*header) && header->bytes <= FORMAT_CHANGE_BYTES_MAX);
	ASSERT(header_check(header) == NULL && records_check(&change) == NULL);
	header->crc = change_crc(header);
}
