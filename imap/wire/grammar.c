/* SPDX-License-Identifier: Apache-2.0 */
#include "grammar.h"

/* The kinds of words, which differ in a few characters. */
enum word {
	WORD_ATOM,
	WORD_ASTRING, /* "]" too */
	WORD_LIST,    /* and % and * */
	WORD_TAG,     /* as ASTRING, but without + */
	WORD_KEYWORD, /* letters, digits and dots */
};

static bool word_char(uint8_t c, enum word word)
{
	switch (c) {
	case '(':
	case ')':
	case '{':
	case '"':
	case '\\':
		return false;
	case '%':
	case '*':
		return word == WORD_LIST;
	case ']':
		return word != WORD_ATOM && word != WORD_KEYWORD;
	case '+':
		return word != WORD_TAG && word != WORD_KEYWORD;
	default:
		if (word != WORD_KEYWORD)
			return c > ' ' && c < 0x7f;
		return grammar_digit(c) || (uint8_t)(span_lower(c) - 'a') < 26 || c == '.';
	}
}

/* A word ends at a byte that cannot belong to it; without one it may go on. */
static int word_take(struct wire_cursor *cursor, enum word word, struct span *word_r)
{
	const uint8_t *at = cursor->ptr;

	while (at < cursor->end && word_char(*at, word))
		at++;
	if (at == cursor->end)
		return WIRE_NEED_MORE;
	if (at == cursor->ptr)
		return WIRE_BAD;
	*word_r = (struct span){cursor->ptr, (size_t)(at - cursor->ptr)};
	return grammar_moved(cursor, at);
}

int wire_tag(struct wire_cursor *cursor, struct span *tag_r)
{
	struct wire_cursor at = *cursor;
	int rc;

	/* A longer tag is not even looked at to its end. */
	if (at.end - at.ptr > WIRE_TAG_BYTES_MAX + 1)
		at.end = at.ptr + WIRE_TAG_BYTES_MAX + 1;
	rc = word_take(&at, WORD_TAG, tag_r);
	if (rc == WIRE_NEED_MORE)
		return at.end - at.ptr > WIRE_TAG_BYTES_MAX ? WIRE_BAD : WIRE_NEED_MORE;
	return rc < 0 ? rc : grammar_moved(cursor, at.ptr);
}

int wire_atom(struct wire_cursor *cursor, struct span *atom_r)
{
	return word_take(cursor, WORD_ATOM, atom_r);
}

int grammar_keyword(struct wire_cursor *cursor, struct span *keyword_r)
{
	return word_take(cursor, WORD_KEYWORD, keyword_r);
}

/* quoted (RFC 9051: what is not ASCII is UTF-8). */
static int quoted(struct wire_cursor *cursor, struct wire_string *string_r)
{
	const uint8_t *first = cursor->ptr + 1, *at = first;
	uint8_t all = 0;

	string_r->escaped = false;
	for (; at < cursor->end && *at != '"'; at++) {
		if (*at == '\\') {
			string_r->escaped = true;
			if (++at == cursor->end)
				return WIRE_NEED_MORE;
			if (*at != '"' && *at != '\\')
				return WIRE_BAD;
		} else if (*at == '\r' || *at == '\n' || *at == '\0') {
			return WIRE_BAD;
		}
		all |= *at;
	}
	if (at == cursor->end)
		return WIRE_NEED_MORE;
	string_r->raw = (struct span){first, (size_t)(at - first)};
	if (all >= 0x80 && !wire_utf8_valid(string_r->raw))
		return WIRE_BAD;
	return grammar_moved(cursor, at + 1);
}

/* The line end of a command or of a literal's announcement. */
static int line_end(struct wire_cursor *cursor)
{
	const uint8_t *at = cursor->ptr;

	if (at < cursor->end && *at == '\r')
		at++;
	if (at == cursor->end)
		return WIRE_NEED_MORE;
	return *at == '\n' ? grammar_moved(cursor, at + 1) : WIRE_BAD;
}

/* From the brace on: "{" number64 ["+"] "}" CRLF and the bytes. */
static int literal(struct wire_cursor *cursor, struct span *bytes_r)
{
	struct wire_cursor at = {cursor->ptr, cursor->end};
	uint64_t n;
	int rc;

	if ((rc = wire_char(&at, '{')) < 0 || (rc = wire_number(&at, INT64_MAX, &n)) < 0)
		return rc;
	if (wire_at(&at, '+'))
		at.ptr++;
	if ((rc = wire_char(&at, '}')) < 0 || (rc = line_end(&at)) < 0)
		return rc;
	if ((size_t)(at.end - at.ptr) < n)
		return WIRE_NEED_MORE;
	*bytes_r = (struct span){at.ptr, (size_t)n};
	return grammar_moved(cursor, at.ptr + n);
}

int wire_literal(struct wire_cursor *cursor, struct span *bytes_r, bool *literal8_r)
{
	struct wire_cursor at = *cursor;
	int rc;

	*literal8_r = wire_at(&at, '~');
	if (*literal8_r)
		at.ptr++;
	rc = literal(&at, bytes_r);
	if (rc < 0)
		return rc;
	if (!*literal8_r && memchr(bytes_r->ptr, '\0', bytes_r->len) != NULL)
		return WIRE_BAD;
	return grammar_moved(cursor, at.ptr);
}

int wire_string(struct wire_cursor *cursor, struct wire_string *string_r)
{
	struct wire_cursor at = *cursor;
	int rc;

	if (at.ptr == at.end)
		return WIRE_NEED_MORE;
	if (*at.ptr == '"')
		return quoted(cursor, string_r);
	rc = literal(&at, &string_r->raw);
	if (rc < 0)
		return rc;
	string_r->escaped = false;
	if (memchr(string_r->raw.ptr, '\0', string_r->raw.len) != NULL)
		return WIRE_BAD;
	return grammar_moved(cursor, at.ptr);
}

static int string_or_word(struct wire_cursor *cursor, enum word word, struct wire_string *string_r)
{
	if (wire_at(cursor, '"') || wire_at(cursor, '{'))
		return wire_string(cursor, string_r);
	string_r->escaped = false;
	return word_take(cursor, word, &string_r->raw);
}

int wire_astring(struct wire_cursor *cursor, struct wire_string *string_r)
{
	return string_or_word(cursor, WORD_ASTRING, string_r);
}

int wire_list_mailbox(struct wire_cursor *cursor, struct wire_string *string_r)
{
	return string_or_word(cursor, WORD_LIST, string_r);
}

int wire_nstring(struct wire_cursor *cursor, struct wire_string *string_r, bool *nil_r)
{
	struct wire_cursor at = *cursor;
	int rc;

	rc = string_or_word(&at, WORD_ATOM, string_r);
	if (rc < 0)
		return rc;
	*nil_r = *cursor->ptr != '"' && *cursor->ptr != '{';
	if (*nil_r && !span_eq_fold(string_r->raw, span_of("NIL")))
		return WIRE_BAD;
	return grammar_moved(cursor, at.ptr);
}

size_t wire_string_copy(const struct wire_string *string, uint8_t *out, size_t out_bytes)
{
	struct span raw = string->raw;
	size_t n = 0;

	if (!string->escaped) {
		if (raw.len > out_bytes)
			return SIZE_MAX;
		if (raw.len > 0)
			memcpy(out, raw.ptr, raw.len);
		return raw.len;
	}
	for (size_t i = 0; i < raw.len; i++, n++) {
		if (raw.ptr[i] == '\\' && i + 1 < raw.len)
			i++;
		if (n == out_bytes)
			return SIZE_MAX;
		out[n] = raw.ptr[i];
	}
	return n;
}

int wire_char(struct wire_cursor *cursor, uint8_t c)
{
	if (cursor->ptr == cursor->end)
		return WIRE_NEED_MORE;
	return *cursor->ptr == c ? grammar_moved(cursor, cursor->ptr + 1) : WIRE_BAD;
}

int wire_space(struct wire_cursor *cursor)
{
	return wire_char(cursor, ' ');
}

int wire_end(struct wire_cursor *cursor)
{
	struct wire_cursor at = *cursor;
	int rc = line_end(&at);

	if (rc < 0)
		return rc;
	return at.ptr == at.end ? grammar_moved(cursor, at.ptr) : WIRE_BAD;
}

int wire_number(struct wire_cursor *cursor, uint64_t max, uint64_t *number_r)
{
	const uint8_t *at = cursor->ptr;
	uint64_t number = 0;

	for (; at < cursor->end && grammar_digit(*at); at++)
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, *at - '0', &number) || number > max)
			return WIRE_BAD;
	if (at == cursor->end)
		return WIRE_NEED_MORE;
	if (at == cursor->ptr)
		return WIRE_BAD;
	*number_r = number;
	return grammar_moved(cursor, at);
}

static int number_nz(struct wire_cursor *cursor, uint64_t max, uint64_t *number_r)
{
	return wire_at(cursor, '0') ? WIRE_BAD : wire_number(cursor, max, number_r);
}

int grammar_nz_number(struct wire_cursor *cursor, uint32_t *number_r)
{
	uint64_t number;
	int rc = number_nz(cursor, UINT32_MAX, &number);

	if (rc > 0)
		*number_r = (uint32_t)number;
	return rc;
}

int grammar_nz_number64(struct wire_cursor *cursor, uint64_t *number_r)
{
	return number_nz(cursor, INT64_MAX, number_r);
}
