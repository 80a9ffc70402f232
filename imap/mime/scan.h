/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a message once, from front to back: its tree of parts (RFC 2046), the fields of every
 * header, and what the tree's answers will need of them. Broken structure degrades as Dovecot's
 * parser does it. One thread at a time per scan; it is reused from message to message.
 */
#ifndef WIREMAP_MIME_SCAN_H
#define WIREMAP_MIME_SCAN_H

#include "address.h"
#include "content.h"
#include "envelope.h"
#include "mime.h"

enum {
	SCAN_NONE = UINT32_MAX,
	/* Of all fields that answers are made of. An answer may take 90 times a field's length
	 * ("a," is an address, of a From three times, in BODY and BODYSTRUCTURE), and offsets in
	 * a blob have 32 bits: past this sum a field is kept but answers nothing. */
	SCAN_VALUES_BYTES_MAX = 8 << 20,
};

/* A field of a header. `len` has its folded lines and the line end. */
struct scan_field {
	uint32_t off, len;
	uint32_t name_len; /* without white space before the colon; 0: no name */
	uint32_t kept_at;  /* for who builds the blob: where its copy or its name is */
	uint8_t id;	   /* enum name_id */
};

/* A part, in the order they begin. Lengths and lines grow as its children end. */
struct scan_part {
	uint32_t parent, next, child, child_last; /* SCAN_NONE: none */
	uint32_t off;				  /* where its header begins */
	uint32_t header_len, header_lines;
	uint32_t body_len, body_lines; /* with everything below it */
	uint32_t field_first, field_count;
	struct content content;
	struct envelope envelope; /* of the root and of messages inside messages */
	bool is_mime;		  /* Content-* fields count */
	bool has_empty_line;	  /* its header ends with one */
};

struct scan_boundary {
	struct piece text;
	uint32_t part;
};

struct scan {
	struct span message;
	uint32_t at, current, depth;
	size_t values_left; /* of SCAN_VALUES_BYTES_MAX */
	struct scan_part *parts;
	uint32_t part_count, part_room;
	struct scan_field *fields;
	uint32_t field_count, field_room;
	struct scan_boundary boundaries[MIME_DEPTH_MAX];
	uint32_t boundary_count;
	bool closing;	    /* the boundary found last ends its multipart */
	bool failed;	    /* no memory */
	struct bytes text;  /* where all pieces are */
	struct bytes value; /* scratch: the field in hand, unfolded */
	struct content_reader reader;
	struct address_scratch addresses;
};

void scan_free(struct scan *scan);

/* 0 or -ENOMEM. The tree is valid until the next call; `message` must outlive it. Linear. */
int scan_message(struct scan *scan, struct span message);

#endif
