/* SPDX-License-Identifier: Apache-2.0 */
#include "mime.h"

#include <errno.h>

#include "format.h"
#include "name.h"

static bool extent_fits(const struct format_header *header, struct format_extent extent)
{
	return extent.off <= header->blob_len && extent.len <= header->blob_len - extent.off;
}

static bool array_fits(const struct format_header *header, uint32_t off, uint32_t count,
		       size_t size)
{
	return off <= header->blob_len && count <= (header->blob_len - off) / size;
}

/* P1 of docs/format.md. */
static bool header_fits(const struct format_header *header, size_t blob_len)
{
	return header->magic == FORMAT_MAGIC && header->version == MIME_PREP_VERSION &&
	       header->blob_len == blob_len && header->message_len <= MIME_MESSAGE_BYTES_MAX &&
	       header->part_count > 0 && header->part_count <= MIME_PARTS_MAX &&
	       header->field_count <= MIME_FIELDS_MAX &&
	       header->root_field_count <= header->field_count &&
	       extent_fits(header, header->hot) && extent_fits(header, header->envelope) &&
	       extent_fits(header, header->body) && extent_fits(header, header->bodystructure) &&
	       array_fits(header, header->fields_off, header->field_count,
			  sizeof(struct format_field)) &&
	       array_fits(header, header->parts_off, header->part_count,
			  sizeof(struct format_part));
}

/* P1 and P3. */
static bool field_fits(const struct format_header *header, const struct format_field *field)
{
	struct format_extent kept = {field->at, field->name_len};

	if (field->id >= NAME_IDS || field->bucket >= 64 || field->off > header->message_len ||
	    field->len > header->message_len - field->off)
		return false;
	if (field->id != NAME_UNKNOWN)
		kept.len = field->at == FORMAT_NOT_COPIED ? 0 : field->len;
	return extent_fits(header, kept);
}

/* P1, P2 and P3. */
static bool part_fits(const struct format_header *header, const struct format_part *part,
		      uint32_t index)
{
	uint64_t end = (uint64_t)part->header_off + part->header_len + part->body_len;

	return end <= header->message_len && part->encoding <= MIME_ENCODING_UNKNOWN &&
	       part->field_first <= header->field_count &&
	       part->field_count <= header->field_count - part->field_first &&
	       (part->child_count == 0 || part->child_first > index) &&
	       part->child_first <= header->part_count &&
	       part->child_count <= header->part_count - part->child_first &&
	       ((part->flags & FORMAT_MESSAGE) == 0 || part->child_count == 1);
}

int mime_prep_open(struct span blob, struct mime_prep *prep_r)
{
	struct mime_prep prep = {blob};
	struct format_header header;

	if (blob.len < sizeof(header))
		return -EBADMSG;
	header = format_header_get(&prep);
	if (!header_fits(&header, blob.len))
		return -EBADMSG;
	for (uint32_t i = 0; i < header.field_count; i++) {
		struct format_field field = format_field_get(&prep, header.fields_off, i);

		if (!field_fits(&header, &field))
			return -EBADMSG;
	}
	for (uint32_t i = 0; i < header.part_count; i++) {
		struct format_part part = format_part_get(&prep, header.parts_off, i);

		if (!part_fits(&header, &part, i) || (i == 0 && part.flags != header.root_flags))
			return -EBADMSG;
	}
	*prep_r = prep;
	return 0;
}

uint32_t mime_prep_size(const struct mime_prep *prep)
{
	return format_header_get(prep).message_len;
}

static struct span extent_span(const struct mime_prep *prep, struct format_extent extent)
{
	return (struct span){prep->blob.ptr + extent.off, extent.len};
}

struct span mime_prep_envelope(const struct mime_prep *prep)
{
	return extent_span(prep, format_header_get(prep).envelope);
}

struct span mime_prep_body(const struct mime_prep *prep)
{
	return extent_span(prep, format_header_get(prep).body);
}

struct span mime_prep_bodystructure(const struct mime_prep *prep)
{
	return extent_span(prep, format_header_get(prep).bodystructure);
}

static struct format_part part_get(const struct mime_prep *prep, uint32_t index)
{
	return format_part_get(prep, format_header_get(prep).parts_off, index);
}

uint32_t mime_part_find(const struct mime_prep *prep, const uint32_t *path, unsigned depth)
{
	uint32_t index = MIME_PART_ROOT;
	bool is_whole = true; /* the message itself, not yet one of its parts */

	for (unsigned i = 0; i < depth; i++) {
		struct format_part part = part_get(prep, index);

		/* Below a message's number come the parts of the message inside. */
		if (i > 0 && (part.flags & FORMAT_MESSAGE) != 0) {
			index = part.child_first;
			part = part_get(prep, index);
			is_whole = true;
		}
		if ((part.flags & FORMAT_MULTIPART) != 0) {
			if (path[i] == 0 || path[i] > part.child_count)
				return MIME_PART_NONE;
			index = part.child_first + path[i] - 1;
			is_whole = false;
			continue;
		}
		if (path[i] != 1 || !is_whole)
			return MIME_PART_NONE;
		is_whole = false;
	}
	return index == MIME_PART_ROOT && depth > 0 ? FORMAT_PART_ROOT_TEXT : index;
}

static bool message_get(const struct mime_prep *prep, uint32_t index, struct format_part *part_r)
{
	return format_message_get(prep, format_header_get(prep).parts_off, index, part_r);
}

static struct mime_extent header_extent(const struct format_part *part)
{
	return (struct mime_extent){part->header_off, part->header_len};
}

static struct mime_extent body_extent(const struct format_part *part)
{
	return (struct mime_extent){part->header_off + part->header_len, part->body_len};
}

int mime_section_extent(const struct mime_prep *prep, uint32_t index, enum mime_section section,
			struct mime_extent *extent_r)
{
	struct format_part part = part_get(prep, index);

	switch (section) {
	case MIME_SECTION_ALL:
		*extent_r = body_extent(&part);
		if (index == MIME_PART_ROOT)
			*extent_r = (struct mime_extent){0, mime_prep_size(prep)};
		return 0;
	case MIME_SECTION_MIME:
		*extent_r = header_extent(&part);
		return index == MIME_PART_ROOT ? -ENOENT : 0;
	case MIME_SECTION_HEADER:
	case MIME_SECTION_TEXT:
		if (!message_get(prep, index, &part))
			return -ENOENT;
		*extent_r =
			section == MIME_SECTION_HEADER ? header_extent(&part) : body_extent(&part);
		return 0;
	}
	return -ENOENT;
}

bool mime_fields_empty_line(const struct mime_prep *prep, uint32_t index)
{
	struct format_part part;

	if (index == MIME_PART_ROOT)
		return (format_header_get(prep).root_flags & FORMAT_EMPTY_LINE) != 0;
	return message_get(prep, index, &part) && (part.flags & FORMAT_EMPTY_LINE) != 0;
}

enum mime_encoding mime_part_encoding(const struct mime_prep *prep, uint32_t index)
{
	return part_get(prep, index).encoding;
}

uint64_t mime_part_decoded_size(const struct mime_prep *prep, uint32_t index)
{
	return part_get(prep, index).decoded_size;
}
