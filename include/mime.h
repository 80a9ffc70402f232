/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prepared answers. mime_prepare() reads a message once, when it arrives, and
 * builds one relocatable blob ("prep") that holds everything IMAP may ask of an
 * immutable message: the tree of parts with extents into the message, a table of
 * the header fields of every header, ENVELOPE, BODY and BODYSTRUCTURE ready to
 * send, and copies of the header lines that clients ask for all the time. FETCH
 * is then a gather of spans out of the blob and the message.
 *
 * Pure functions on bytes: no allocation beyond the builder's, no I/O, any
 * thread. A blob is little-endian, has its layout in docs/format.md, and
 * its version in MIME_PREP_VERSION; mime_prep_open() checks one before use, so
 * that a damaged blob is an error and never a wild read.
 *
 * Broken mail never fails: what cannot be understood degrades as Dovecot 2.3
 * does, and what is past a limit becomes part of its parent's text.
 */
#ifndef WIREMAP_MIME_H
#define WIREMAP_MIME_H

#include "span.h"

enum mime_limits {
	MIME_PREP_VERSION = 1,
	MIME_DEPTH_MAX = 100,	/* nested multiparts and message/rfc822 (Dovecot's limit) */
	MIME_PARTS_MAX = 10000, /* per message (Dovecot's limit) */
	MIME_MESSAGE_BYTES_MAX = 0x7fffffff, /* offsets in a blob are 32 bits */
	MIME_FIELDS_MAX = 0x100000, /* header fields in all headers; later ones are text only */
	MIME_PATH_DEPTH_MAX = MIME_DEPTH_MAX, /* numbers in a section such as 1.2.3 */
};

/* A builder's memory; reused from message to message. Not shared between threads. */
struct mime_builder;
struct mime_builder *mime_builder_create(void); /* NULL: no memory */
void mime_builder_destroy(struct mime_builder **builder);

/*
 * Prepares `message` (any bytes; CRLF and bare LF line ends are both understood).
 * 0 and *blob_r, borrowed from the builder until its next use; -ENOMEM; -EFBIG when the
 * message is longer than MIME_MESSAGE_BYTES_MAX. Cost is linear in the message.
 */
int mime_prepare(struct mime_builder *builder, struct span message, struct span *blob_r);

/* An opened blob; a view that lives as long as the blob's bytes. Contents are mime/'s own. */
struct mime_prep {
	struct span blob;
};

/* 0 or -EBADMSG: not a blob of this version, or offsets that leave it. O(parts + fields) the
 * first time; callers on the hot road use mime_prep_trust() on blobs that were checked when they
 * were mapped (their CRC was). */
int mime_prep_open(struct span blob, struct mime_prep *prep_r);
static inline struct mime_prep mime_prep_trust(struct span blob)
{
	return (struct mime_prep){blob};
}

/* Size of the message the blob was made from, bytes (RFC822.SIZE). */
uint32_t mime_prep_size(const struct mime_prep *prep);

/* The parenthesised answers, ready to send, without the item's name. May hold literals when
 * a string has bytes a quoted string cannot carry. */
struct span mime_prep_envelope(const struct mime_prep *prep);
struct span mime_prep_body(const struct mime_prep *prep);	   /* BODY, no extension data */
struct span mime_prep_bodystructure(const struct mime_prep *prep); /* with extension data */

/* A run of bytes of the message. */
struct mime_extent {
	uint32_t off, len;
};

enum { MIME_PART_NONE = UINT32_MAX, MIME_PART_ROOT = 0 };

/*
 * The part a section path names (RFC 3501 6.4.5: 1.2.3 counts body parts; a
 * message/rfc822's parts are those of the message inside; part 1 of a message that is not
 * multipart is its text). `depth` 0 is the message itself. MIME_PART_NONE: no such part.
 * What it returns is for the calls below and has no other meaning.
 */
uint32_t mime_part_find(const struct mime_prep *prep, const uint32_t *path, unsigned depth);

enum mime_section {
	MIME_SECTION_ALL,    /* BODY[] or BODY[1.2]: the part's body; of the root the message */
	MIME_SECTION_HEADER, /* of the root, or of the message inside a message/rfc822 part */
	MIME_SECTION_TEXT,   /* likewise its body */
	MIME_SECTION_MIME,   /* the part's own MIME header, with its empty line */
};

/* 0, or -ENOENT where the section does not exist (HEADER of a part that is no message, ...):
 * Dovecot answers NIL there, and so do we. */
int mime_section_extent(const struct mime_prep *prep, uint32_t part, enum mime_section section,
			struct mime_extent *extent_r);

/*
 * A list of header field names, compiled once per command. `fields` keeps no pointer to the
 * names' bytes: it copies them. Names are compared without case.
 */
struct mime_fieldset;
/* Bytes needed for a set of `n` names of `names_bytes` bytes together; the caller provides. */
size_t mime_fieldset_bytes(unsigned n, size_t names_bytes);
struct mime_fieldset *mime_fieldset_compile(void *memory, const struct span *names, unsigned n,
					    bool negated /* HEADER.FIELDS.NOT */);

/*
 * Walks the header fields of a part's header (the root's, or the message's inside a
 * message/rfc822 part) that are in the set, in their order in the message, each with all its
 * folded lines and its line end. Fields whose bytes are adjacent come as one run: in the blob
 * even such as have others between them in the message. Start with *cursor = 0.
 * Returns false at the end. Each run is either in the blob (`copy`, ptr != NULL) or in the
 * message (`extent`). Missing: the closing empty line, which the caller adds when
 * mime_fields_empty_line() says that header had one (RFC 3501 6.4.5: the blank line is always
 * included, except if the message has no body and no blank line).
 *
 * A field of an unknown name is told apart by its name's bytes in the blob: no call needs the
 * message. A line without a colon is no field: no name finds it, a negated set does.
 */
struct mime_field_run {
	struct span copy;	   /* ptr NULL: not copied into the blob */
	struct mime_extent extent; /* where in the message, if not copied */
};
bool mime_fields_next(const struct mime_prep *prep, uint32_t part, const struct mime_fieldset *set,
		      uint32_t *cursor, struct mime_field_run *run_r);
/* Bytes all runs together will have, in one pass over the table: the literal's size. */
uint64_t mime_fields_size(const struct mime_prep *prep, uint32_t part,
			  const struct mime_fieldset *set);
bool mime_fields_empty_line(const struct mime_prep *prep, uint32_t part);

enum mime_encoding {
	MIME_7BIT,
	MIME_8BIT,
	MIME_BINARY,
	MIME_QUOTED_PRINTABLE,
	MIME_BASE64,
	MIME_ENCODING_UNKNOWN
};

/* What BINARY needs (RFC 3516): the encoding of a part and its decoded size, bytes, prepared. A
 * part that holds others is not encoded (RFC 2045 6.4), whatever its field says. */
enum mime_encoding mime_part_encoding(const struct mime_prep *prep, uint32_t part);
uint64_t mime_part_decoded_size(const struct mime_prep *prep, uint32_t part);

/* Incremental decoding of a part's body; zero-filled to start, plain data, may be copied. */
struct mime_decoder {
	enum mime_encoding encoding;
	uint32_t state;
	uint8_t held[80]; /* QP: white space that may turn out to end its line */
	uint8_t held_len;
};

/*
 * Decodes from `in` into `out`, at most `out_len` bytes. *taken_r is how much of `in` was used;
 * `last` says nothing follows it. Returns bytes written. Never fails: what is not base64 or
 * quoted-printable is passed over or through, exactly as mime_part_decoded_size() counted.
 */
size_t mime_decode(struct mime_decoder *decoder, struct span in, bool last, uint8_t *out,
		   size_t out_len, size_t *taken_r);

#endif
