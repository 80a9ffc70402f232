/* SPDX-License-Identifier: Apache-2.0 */
#include "lex.h"

/* What a byte may be part of. All of 0x80 and above is taken for a letter: raw UTF-8 and worse is
 * common in names. */
enum { ATOM = 1, TOKEN = 2 };

static const uint8_t kinds[256] = {
	['!'] = ATOM | TOKEN,
	['#' ... '\''] = ATOM | TOKEN,
	['*' ... '+'] = ATOM | TOKEN,
	['-'] = ATOM | TOKEN,
	['/'] = ATOM,
	['.'] = TOKEN,
	['0' ... '9'] = ATOM | TOKEN,
	['='] = ATOM,
	['?'] = ATOM,
	['A' ... 'Z'] = ATOM | TOKEN,
	['^' ... '~'] = ATOM | TOKEN,
	[0x80 ... 0xff] = ATOM | TOKEN,
};

bool lex_is_atom_char(uint8_t c)
{
	return (kinds[c] & ATOM) != 0;
}

static enum lex rest_of(const struct lexer *lexer)
{
	return lexer->at < lexer->end ? LEX_MORE : LEX_END;
}

/* Adds [from, lexer->at) and what stands there: a NUL becomes U+FFFD, a fold's line end goes, a
 * backslash makes way for what it quotes. Returns where the next run begins. */
static const uint8_t *add_run(struct lexer *lexer, struct bytes *out, const uint8_t *from)
{
	size_t len = (size_t)(lexer->at - from);

	if (out == NULL)
		return lexer->at + 1;
	if (*lexer->at == '\n' && len > 0 && from[len - 1] == '\r')
		len--;
	bytes_add(out, from, len);
	if (*lexer->at == 0)
		bytes_add_clean(out, lexer->at, 1);
	return lexer->at + 1;
}

/* False at a backslash with nothing behind it. */
static bool quotes(const struct lexer *lexer)
{
	return *lexer->at != '\\' || lexer->at + 1 < lexer->end;
}

/* Stands at the '('. Nested comments are kept as they are. */
static enum lex lex_comment(struct lexer *lexer)
{
	const uint8_t *from = ++lexer->at;
	size_t level = 1;

	if (lexer->comment != NULL)
		bytes_clear(lexer->comment);
	for (; lexer->at < lexer->end; lexer->at++) {
		uint8_t c = *lexer->at;

		if (c == '(') {
			level++;
		} else if (c == ')' && --level == 0) {
			add_run(lexer, lexer->comment, from);
			lexer->at++;
			return rest_of(lexer);
		} else if (!quotes(lexer)) {
			break;
		} else if (c == 0 || c == '\n' || c == '\\') {
			from = add_run(lexer, lexer->comment, from);
			lexer->at += c == '\\';
		}
	}
	return LEX_BROKEN;
}

enum lex lex_space(struct lexer *lexer)
{
	while (lexer->at < lexer->end) {
		uint8_t c = *lexer->at;

		if (c == '(') {
			if (lex_comment(lexer) == LEX_BROKEN)
				return LEX_BROKEN;
		} else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
			lexer->at++;
		} else {
			return LEX_MORE;
		}
	}
	return LEX_END;
}

static void take_while(struct lexer *lexer, struct bytes *out, uint8_t kind, bool dots)
{
	const uint8_t *from = lexer->at;

	while (lexer->at < lexer->end &&
	       ((kinds[*lexer->at] & kind) != 0 || (dots && *lexer->at == '.')))
		lexer->at++;
	bytes_add(out, from, (size_t)(lexer->at - from));
}

enum lex lex_atom(struct lexer *lexer, struct bytes *out)
{
	if (lexer->at >= lexer->end || !lex_is_atom_char(*lexer->at))
		return LEX_BROKEN;
	take_while(lexer, out, ATOM, false);
	return lex_space(lexer);
}

enum lex lex_dot_atom(struct lexer *lexer, struct bytes *out)
{
	enum lex lex;

	for (;;) {
		if (lexer->at >= lexer->end || !lex_is_atom_char(*lexer->at))
			return LEX_BROKEN;
		take_while(lexer, out, ATOM, false);
		lex = lex_space(lexer);
		if (lex != LEX_MORE || *lexer->at != '.')
			return lex;
		lexer->at++;
		bytes_add_byte(out, '.');
		if (lex_space(lexer) != LEX_MORE)
			return LEX_BROKEN;
	}
}

enum lex lex_loose_dot_atom(struct lexer *lexer, struct bytes *out)
{
	enum lex lex = LEX_BROKEN;

	do {
		for (; lex_at(lexer, '.'); lexer->at++) {
			bytes_add_byte(out, '.');
			lex = LEX_MORE;
		}
		if (lexer->at >= lexer->end)
			return lex == LEX_MORE ? LEX_END : LEX_BROKEN;
		if (*lexer->at == '@')
			break;
		lex = lex_atom(lexer, out);
	} while (lex == LEX_MORE && *lexer->at == '.');
	return lex;
}

enum lex lex_token(struct lexer *lexer, struct bytes *out)
{
	take_while(lexer, out, TOKEN, false);
	return lex_space(lexer);
}

enum lex lex_quoted(struct lexer *lexer, struct bytes *out)
{
	const uint8_t *from = ++lexer->at;

	for (; lexer->at < lexer->end; lexer->at++) {
		uint8_t c = *lexer->at;

		if (c == '"') {
			add_run(lexer, out, from);
			lexer->at++;
			return lex_space(lexer);
		}
		if (!quotes(lexer))
			break;
		if (c == 0 || c == '\n' || c == '\\')
			from = add_run(lexer, out, from);
		lexer->at += c == '\\';
	}
	return LEX_BROKEN;
}

enum lex lex_phrase(struct lexer *lexer, struct bytes *out)
{
	enum lex lex;

	if (lexer->at >= lexer->end)
		return LEX_END;
	if (*lexer->at == '.')
		return LEX_BROKEN;
	for (;;) {
		if (*lexer->at == '"') {
			lex = lex_quoted(lexer, out);
		} else {
			take_while(lexer, out, ATOM, true);
			lex = lex_space(lexer);
		}
		if (lex != LEX_MORE)
			return lex;
		if (!lex_is_atom_char(*lexer->at) && *lexer->at != '"' && *lexer->at != '.')
			return LEX_MORE;
		bytes_add_byte(out, ' ');
	}
}

/* Brackets and backslashes stay. */
static enum lex lex_domain_literal(struct lexer *lexer, struct bytes *out)
{
	const uint8_t *from = lexer->at++;

	for (; lexer->at < lexer->end && *lexer->at != '['; lexer->at++) {
		uint8_t c = *lexer->at;

		if (c == ']') {
			lexer->at++;
			bytes_add(out, from, (size_t)(lexer->at - from));
			return lex_space(lexer);
		}
		if (c == 0 || c == '\n')
			from = add_run(lexer, out, from);
		else if (c == '\\' && ++lexer->at >= lexer->end)
			break;
	}
	return LEX_BROKEN;
}

enum lex lex_domain(struct lexer *lexer, struct bytes *out)
{
	lexer->at++;
	if (lex_space(lexer) != LEX_MORE)
		return LEX_BROKEN;
	if (*lexer->at == '[')
		return lex_domain_literal(lexer, out);
	return lex_dot_atom(lexer, out);
}
