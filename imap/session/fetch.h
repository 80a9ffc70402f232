/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FETCH as a program: what the client asked for is compiled once into an array of
 * ops, each with the text that goes before its value ready to be copied, and then
 * run for one message after the other.
 *
 * A row (the answer for one message) takes one of two roads. First all its spans
 * are gathered, which also shows whether anything is cold or lost while nothing of
 * the row is sent (fetch_gather). A row that fits in one reservation is then written in one
 * run (fetch_row.c). A longer one is written piece by piece and may stop at any byte
 * (fetch_part.c). Private to imap/session.
 */
#ifndef WIREMAP_SESSION_FETCH_H
#define WIREMAP_SESSION_FETCH_H

#include "engine.h"
#include "mime.h"

enum fetch_limits {
	FETCH_OPS_MAX = 200,	/* items of one command; every macro and client has fewer than 20 */
	FETCH_FIELDS_MAX = 500, /* header field names in one item */
	/* What a row may have to be written in one run. */
	FETCH_ROW_OPS_MAX = 16,
	FETCH_ROW_PIECES_MAX = 64,
	/* What is composed of a row besides texts, flags and data: "* 4294967295 FETCH (" ")" CRLF.
	 */
	FETCH_ROW_FRAME_BYTES = 24,
	/* The longest value that is not data, or how data begins: "(\\Answered ... \\Draft)", a
	 * date, "~{18446744073709551615}" CRLF. */
	FETCH_VALUE_BYTES_MAX = SESSION_FLAGS_TEXT_BYTES,
};
static_assert((int)FETCH_VALUE_BYTES_MAX >= (int)WIRE_DATE_BYTES, "a date is a value");

enum fetch_kind {
	FETCH_UID,
	FETCH_FLAGS,
	FETCH_DATE,
	FETCH_SIZE,
	FETCH_ENVELOPE,
	FETCH_BODY,
	FETCH_BODYSTRUCTURE,
	FETCH_SECTION, /* a run of the message */
	FETCH_WHOLE,   /* the message: its place and size stand in the index */
	FETCH_FIELDS,  /* some of its header lines */
	FETCH_BINARY,  /* a decoded part */
	FETCH_BINARY_SIZE,
};

struct fetch_op {
	const uint8_t *text; /* " BODY[HEADER] ": goes before the value */
	uint32_t text_len;
	uint8_t kind;	 /* enum fetch_kind */
	uint8_t section; /* enum mime_section */
	bool partial;
	uint8_t depth; /* of path */
	const uint32_t *path;
	const struct mime_fieldset *fields;
	uint64_t partial_off;
	uint32_t partial_len;
};

/* The data of an op of the row under way: bytes `pos` up to `end` of it are still to be sent. */
struct fetch_value {
	uint64_t pos, end;
	/* FETCH_FIELDS and FETCH_BINARY do not start anywhere: what they stand at is byte `at` of
	 * the data, and they are brought from there to `pos`. */
	uint64_t at;
	uint32_t part;
	uint32_t cursor;	   /* FETCH_FIELDS: of mime_fields_next() */
	struct mime_extent extent; /* FETCH_SECTION to FETCH_BINARY: in the message */
	uint32_t in_off;	   /* FETCH_BINARY: bytes of the extent decoded */
	struct mime_decoder decoder;
};

/* Where the row under way was left. */
enum fetch_place {
	FETCH_PLACE_ROW,  /* before its first byte */
	FETCH_PLACE_TEXT, /* in an op's text */
	FETCH_PLACE_VALUE,
	FETCH_PLACE_DATA, /* in an op's data */
};

/* A running FETCH; lives in one block together with all it points to. */
struct fetch {
	const struct wire_run *runs; /* of UIDs or of sequence numbers */
	const struct fetch_op *ops;
	size_t runs_n, run;
	uint32_t ops_n;
	uint32_t index, index_end; /* messages of this run still to be answered */
	uint32_t fixed_bytes;	   /* of a row, at most: all but keywords and data */
	bool by_uid;
	bool is_short;	     /* few ops and short texts: rows may be written in one run */
	bool needs_prep;     /* some op reads the prepared answers */
	bool keywords;	     /* the mailbox has some and FLAGS is asked for */
	const char *failure; /* what the tagged answer has to say of rows left out */
	/* The row under way, where it is written piece by piece. */
	enum fetch_place place;
	uint32_t op, text_off;
	struct fetch_value value;
};

/* A row whose bytes are all at hand. Spans are good until the end of the produce() call. */
struct fetch_row {
	struct mime_prep prep;
	uint32_t index;
	bool is_short; /* all pieces are here and fit in one reservation */
	unsigned pieces_n;
	uint64_t bytes; /* of keywords and data */
	struct fetch_row_value {
		uint64_t size; /* of the literal */
		unsigned pieces_end;
		bool missing; /* NIL */
	} values[FETCH_ROW_OPS_MAX];
	struct span pieces[FETCH_ROW_PIECES_MAX];
};

/* --- fetch_compile.c --- */

/* Reads what follows "FETCH" into a program at the start of the block. A job_read of engine.h. */
const char *fetch_compile(struct session *session, struct wire_cursor *cursor, struct arena *arena);

/* --- fetch_row.c --- */

/*
 * Finds everything a row needs. 0; -EAGAIN: cold, session->wait is linked; -EBUSY: try in a
 * later turn; -EIO: the message cannot be read; -ENOTSUP: a part's encoding is unknown.
 */
int fetch_gather(struct session *session, struct fetch *fetch, uint32_t index,
		 struct fetch_row *row);
/* Writes a short row. False: there is no room for it now. */
bool fetch_row_write(struct session *session, const struct fetch *fetch,
		     const struct fetch_row *row, struct stream_out *out);
/* "* 17 FETCH (" at `p`. */
uint8_t *fetch_row_begin(uint8_t *p, uint32_t index);
/* The value of an op that has no data, at `p`: at most FETCH_VALUE_BYTES_MAX, and keywords. */
uint8_t *fetch_plain_write(struct session *session, const struct fetch_op *op,
			   const struct mime_prep *prep, uint32_t index, uint8_t *p);
/* How a literal of `size` bytes begins, "{123}" CRLF, at `p`. */
uint8_t *fetch_literal_begin(uint8_t *p, bool literal8, uint64_t size);
/* ENVELOPE, BODY or BODYSTRUCTURE, which are sent as they were prepared. */
struct span fetch_prepared(enum fetch_kind kind, const struct mime_prep *prep);
/* What the data of an op is. `prep` is not read for a FETCH_WHOLE. 0; -ENOENT: NIL; -ENOTSUP. */
int fetch_value_find(const struct session *session, const struct fetch_op *op,
		     const struct mime_prep *prep, uint32_t index, struct fetch_value *value);

/* --- fetch_part.c --- */

/*
 * Writes more of row fetch->index. 1: it is finished; 0: budget or room are spent; else as
 * fetch_gather(), where all but -EAGAIN and -EBUSY leave the client in mid-row.
 */
int fetch_part_write(struct session *session, struct fetch *fetch, struct stream_out *out,
		     uint64_t until_ns);

#endif
