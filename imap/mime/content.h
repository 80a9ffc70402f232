/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a part's Content-* fields say (RFC 2045, 2183, 3282, 2557, 1864), each held as the text
 * that BODYSTRUCTURE has for it. One thread at a time per reader.
 */
#ifndef WIREMAP_MIME_CONTENT_H
#define WIREMAP_MIME_CONTENT_H

#include "bytes.h"
#include "mime.h"
#include "param.h"

enum content_kind { CONTENT_LEAF, CONTENT_MULTIPART, CONTENT_MESSAGE };

/* Pieces of the reader's text; one that is not set was not given, or was nothing. */
struct content {
	struct piece type;     /* "type" "subtype" */
	struct piece subtype;  /* "subtype" */
	struct piece params;   /* "key" "value" ...; not set: none */
	struct piece boundary; /* raw bytes */
	struct piece encoding; /* "base64" */
	struct piece id, description, md5, location;
	struct piece disposition; /* ("attachment" ("filename" "x")) */
	struct piece language;	  /* ("en" "fi") */
	uint8_t kind;		  /* enum content_kind */
	uint8_t encoding_kind;	  /* enum mime_encoding */
	bool type_seen;		  /* there was a Content-Type, good or not */
	bool is_text;		  /* text/..., so lines are counted and a charset is due */
	bool is_plain_ascii;	  /* text/plain with no parameter but charset=us-ascii */
	bool is_lump;		  /* past a limit: application/octet-stream, whatever it says */
	bool has_charset, is_digest;
	bool disposition_has_params;
};

struct content_reader {
	struct bytes *text; /* where the pieces go; the caller's */
	struct bytes word;  /* scratch */
	struct param_list params;
};
void content_reader_free(struct content_reader *reader);
void content_reader_restart(struct content_reader *reader);
bool content_reader_failed(const struct content_reader *reader);

enum { CONTENT_BOUNDARY_BYTES_MAX = 80 }; /* RFC 2046 says 70; Dovecot cuts here */

/* Takes one field whose name begins with "Content-"; `rest` is what follows that. The first of a
 * kind counts. `value` is unfolded except for its LFs. */
void content_field(struct content_reader *reader, struct content *content, struct span rest,
		   struct span value);

#endif
