/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words of structured header fields (RFC 5322 section 3.2, RFC 2045 section 5.1), read as
 * leniently as Dovecot reads them. A lexer walks a borrowed value once; each step appends what
 * it read to `out`, white space and comments behind a word are skipped with it. Any thread.
 */
#ifndef WIREMAP_MIME_LEX_H
#define WIREMAP_MIME_LEX_H

#include "bytes.h"

struct lexer {
	const uint8_t *at, *end;
	struct bytes *comment; /* collects the last comment seen; NULL: nobody asks */
};

/* How a step ended. After LEX_BROKEN the lexer stands where it gave up. */
enum lex {
	LEX_BROKEN = -1,
	LEX_END = 0,  /* read, and nothing follows */
	LEX_MORE = 1, /* read, and *at may be looked at */
};

static inline struct lexer lex_start(struct span value, struct bytes *comment)
{
	return (struct lexer){value.ptr, span_end(value), comment};
}

static inline bool lex_at(const struct lexer *lexer, uint8_t c)
{
	return lexer->at < lexer->end && *lexer->at == c;
}

bool lex_is_atom_char(uint8_t c);

enum lex lex_space(struct lexer *lexer); /* white space, line ends and comments */
enum lex lex_atom(struct lexer *lexer, struct bytes *out);
enum lex lex_dot_atom(struct lexer *lexer, struct bytes *out); /* with spaces around its dots */
enum lex lex_loose_dot_atom(struct lexer *lexer, struct bytes *out); /* dots anywhere */
enum lex lex_token(struct lexer *lexer, struct bytes *out);	     /* of MIME; may be empty */
enum lex lex_quoted(struct lexer *lexer, struct bytes *out);	     /* stands at the quote */
enum lex lex_phrase(struct lexer *lexer, struct bytes *out);	     /* words, one space between */
enum lex lex_domain(struct lexer *lexer, struct bytes *out);	     /* stands at the @ */

#endif
