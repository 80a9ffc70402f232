/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layout of a prep blob: docs/format.md, "Derived data (prep)", in C. All numbers are
 * little-endian, all offsets count from the blob's first byte unless said otherwise. A blob lies
 * at any address: structures are copied out, never pointed at.
 *
 * In order: the header; the hot lines; the other copied lines; names; field records; ENVELOPE;
 * parts; BODYSTRUCTURE; BODY. Listing a folder so reads one run from the blob's front, and the
 * lines most often asked for are one run of bytes that needs no walk at all.
 */
#ifndef WIREMAP_MIME_FORMAT_H
#define WIREMAP_MIME_FORMAT_H

#include "mime.h"

enum {
	FORMAT_MAGIC = 0x5052504d,	   /* "MPRP" */
	FORMAT_COPY_LINE_BYTES_MAX = 2048, /* a longer field is not copied */
	FORMAT_COPIES_BYTES_MAX = 8192,	   /* nor is one past this sum */
	FORMAT_NAME_BYTES_MAX = 1024,	   /* a longer name is equal to none */
};

struct format_extent {
	uint32_t off, len;
};

struct format_header {
	uint32_t magic;
	uint32_t version;
	uint32_t blob_len;
	uint32_t message_len;
	uint64_t hot_ids; /* bit per name: every line of it in the root's header is in `hot` */
	uint64_t ids;	  /* bit per name that is in the root's header; bit 0: an unknown one */
	struct format_extent hot; /* all lines of hot_ids, in their order */
	uint32_t root_field_count;
	uint32_t field_count;
	uint32_t fields_off; /* format_field[field_count]: the root's first, then part by part */
	uint32_t part_count;
	uint32_t parts_off; /* format_part[part_count] */
	struct format_extent envelope, body, bodystructure;
	uint32_t root_flags; /* of part 0: a listing of headers never goes to the parts */
};
_Static_assert(sizeof(struct format_header) == 88, "on disk");

enum { FORMAT_NOT_COPIED = 0 };

struct format_field {
	uint32_t off;	   /* in the message */
	uint32_t len;	   /* with its folded lines and the line end */
	uint32_t at;	   /* known name: of its copy, or FORMAT_NOT_COPIED; unknown: of its name */
	uint8_t id;	   /* enum name_id */
	uint8_t bucket;	   /* name_bucket() of an unknown name */
	uint16_t name_len; /* of an unknown name, which is kept in lower case; 0: equal to none */
};
_Static_assert(sizeof(struct format_field) == 16, "on disk");

enum format_part_flags {
	FORMAT_MULTIPART = 1,
	FORMAT_MESSAGE = 2,
	FORMAT_EMPTY_LINE = 4, /* the header ends with one */
};

/* What part 1 of a message that is no multipart is called: the root, asked for as a part. */
enum { FORMAT_PART_ROOT_TEXT = MIME_PART_NONE - 1 };

/* Parts are numbered level by level, so that brothers are neighbours. */
struct format_part {
	uint32_t header_off, header_len; /* in the message; the body follows */
	uint32_t body_len;
	uint32_t child_first, child_count;
	uint32_t field_first, field_count;
	uint8_t flags;	  /* enum format_part_flags */
	uint8_t encoding; /* enum mime_encoding */
	uint16_t zero;
	uint64_t decoded_size;
};
_Static_assert(sizeof(struct format_part) == 40, "on disk");

static inline struct format_header format_header_get(const struct mime_prep *prep)
{
	struct format_header header;

	memcpy(&header, prep->blob.ptr, sizeof(header));
	return header;
}

static inline struct format_part format_part_get(const struct mime_prep *prep, uint32_t parts_off,
						 uint32_t index)
{
	struct format_part part;

	if (index == FORMAT_PART_ROOT_TEXT)
		index = 0;
	memcpy(&part, prep->blob.ptr + parts_off + (size_t)index * sizeof(part), sizeof(part));
	return part;
}

static inline struct format_field format_field_get(const struct mime_prep *prep,
						   uint32_t fields_off, uint32_t index)
{
	struct format_field field;

	memcpy(&field, prep->blob.ptr + fields_off + (size_t)index * sizeof(field), sizeof(field));
	return field;
}

/* The part whose header HEADER and its kin name: the root's own, or that of the message inside a
 * message/rfc822 part; false for others, which have none. */
static inline bool format_message_get(const struct mime_prep *prep, uint32_t parts_off,
				      uint32_t index, struct format_part *part_r)
{
	*part_r = format_part_get(prep, parts_off, index);
	if (index == MIME_PART_ROOT)
		return true;
	if ((part_r->flags & FORMAT_MESSAGE) == 0)
		return false;
	*part_r = format_part_get(prep, parts_off, part_r->child_first);
	return true;
}

#endif
