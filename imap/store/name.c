/* SPDX-License-Identifier: Apache-2.0 */
#include "name.h"

#include "store.h"

/* Bytes of the UTF-8 character at `at`, 0 when it is none: overlong forms, surrogates and what is
 * above U+10FFFF are none (RFC 3629). */
static unsigned character_bytes(const uint8_t *at, size_t len)
{
	unsigned bytes = at[0] < 0x80 ? 1 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
	uint32_t code;

	if (bytes == 1)
		return 1;
	if (at[0] < 0xc2 || at[0] > 0xf4 || len < bytes)
		return 0;
	code = at[0] & (0x7fu >> bytes);
	for (unsigned k = 1; k < bytes; k++) {
		if ((at[k] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (at[k] & 0x3f);
	}
	if ((bytes == 3 && code < 0x800) || (bytes == 4 && (code < 0x10000 || code > 0x10ffff)) ||
	    (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return bytes;
}

bool store_name_inbox(struct span name)
{
	static const uint8_t inbox[] = {'I', 'N', 'B', 'O', 'X'};

	return name.len >= 5 && (name.len == 5 || name.ptr[5] == STORE_SEPARATOR) &&
	       span_eq_fold(span_cut(name, 0, 5), (struct span){inbox, 5});
}

const char *store_name_fault(struct span name)
{
	unsigned depth = 1;

	if (name.len == 0)
		return "the name is empty";
	if (name.len > STORE_NAME_BYTES_MAX)
		return "the name is longer than 1000 bytes";
	if (name.ptr[0] == STORE_SEPARATOR || name.ptr[name.len - 1] == STORE_SEPARATOR)
		return "the name begins or ends with a separator";
	for (size_t at = 0; at < name.len;) {
		unsigned bytes = character_bytes(name.ptr + at, name.len - at);

		if (bytes == 0)
			return "the name is not UTF-8";
		if (name.ptr[at] < 0x20 || name.ptr[at] == 0x7f)
			return "the name holds a control character";
		if (name.ptr[at] == STORE_SEPARATOR) {
			depth++;
			if (name.ptr[at + 1] == STORE_SEPARATOR)
				return "a level of the name is empty";
		}
		at += bytes;
	}
	if (depth > STORE_DEPTH_MAX)
		return "the name has more than 32 levels";
	if (store_name_inbox(name) && memcmp(name.ptr, "INBOX", 5) != 0)
		return "INBOX is not in capitals";
	return NULL;
}

static int rank(uint8_t c)
{
	return c == STORE_SEPARATOR ? 0 : c; /* names hold no control characters */
}

int store_name_compare(struct span a, struct span b)
{
	bool a_inbox = store_name_inbox(a), b_inbox = store_name_inbox(b);

	if (a_inbox != b_inbox)
		return a_inbox ? -1 : 1;
	for (size_t i = 0; i < a.len && i < b.len; i++)
		if (a.ptr[i] != b.ptr[i])
			return rank(a.ptr[i]) - rank(b.ptr[i]);
	return a.len < b.len ? -1 : a.len > b.len;
}

bool store_name_under(struct span name, struct span superior)
{
	return name.len > superior.len && name.ptr[superior.len] == STORE_SEPARATOR &&
	       span_eq(span_cut(name, 0, superior.len), superior);
}

bool store_keyword_valid(struct span keyword)
{
	if (keyword.len == 0 || keyword.len > STORE_KEYWORD_BYTES_MAX)
		return false;
	for (size_t i = 0; i < keyword.len; i++)
		if (keyword.ptr[i] <= ' ' || keyword.ptr[i] >= 0x7f ||
		    memchr("(){%*\"\\]", keyword.ptr[i], 8) != NULL)
			return false;
	return true;
}
