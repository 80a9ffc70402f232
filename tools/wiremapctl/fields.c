/* SPDX-License-Identifier: Apache-2.0 */
#include "fields.h"

/* The line at `off` with its end. */
static struct span line_at(struct span text, size_t off)
{
	const uint8_t *lf = memchr(text.ptr + off, '\n', text.len - off);

	return span_cut(text, off, lf != NULL ? (size_t)(lf - text.ptr) - off + 1 : text.len);
}

static bool is_empty(struct span line)
{
	return line.ptr[0] == '\n' || (line.len >= 2 && line.ptr[0] == '\r' && line.ptr[1] == '\n');
}

size_t field_header_bytes(struct span message)
{
	size_t off = 0;

	while (off < message.len) {
		struct span line = line_at(message, off);

		off += line.len;
		if (is_empty(line))
			break;
	}
	return off;
}

bool field_find(struct span message, const char *name, struct span *value_r)
{
	struct span wanted = span_of(name);
	size_t off = 0;
	bool found = false;

	while (off < message.len) {
		struct span line = line_at(message, off);

		if (is_empty(line))
			break;
		if (found && line.ptr[0] != ' ' && line.ptr[0] != '\t')
			break;
		off += line.len;
		if (found) {
			value_r->len += line.len;
		} else if (line.len > wanted.len && line.ptr[wanted.len] == ':' &&
			   span_eq_fold(span_cut(line, 0, wanted.len), wanted)) {
			*value_r = span_cut(line, wanted.len + 1, line.len);
			found = true;
		}
	}
	return found;
}
