/* SPDX-License-Identifier: Apache-2.0 */
#include "structure.h"

/* What an empty multipart is said to hold: the grammar wants at least one part. */
#define EMPTY_PART "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0"

static void add_piece(const struct scan *scan, struct piece piece, const char *otherwise,
		      struct bytes *out)
{
	struct span text = bytes_piece_span(&scan->text, piece);

	if (piece.set)
		bytes_add(out, text.ptr, text.len);
	else
		bytes_add_text(out, otherwise);
}

static void add_spaced(const struct scan *scan, struct piece piece, struct bytes *out)
{
	bytes_add_byte(out, ' ');
	add_piece(scan, piece, "NIL", out);
}

static void add_params(const struct scan *scan, const struct content *content, bool is_text,
		       struct bytes *out)
{
	bool add_charset = is_text && !content->has_charset;

	if (!content->params.set && !add_charset) {
		bytes_add_text(out, " NIL");
		return;
	}
	bytes_add_text(out, " (");
	add_piece(scan, content->params, "", out);
	if (add_charset)
		bytes_add_text(out, content->params.set ? " \"charset\" \"us-ascii\""
							: "\"charset\" \"us-ascii\"");
	bytes_add_byte(out, ')');
}

static void add_number(uint32_t number, struct bytes *out)
{
	bytes_add_byte(out, ' ');
	bytes_add_number(out, number);
}

/* Disposition, language, location: the extension data that every kind of part ends with. */
static void add_common(const struct scan *scan, const struct content *content, struct bytes *out)
{
	add_spaced(scan, content->disposition, out);
	add_spaced(scan, content->language, out);
	add_spaced(scan, content->location, out);
}

static void part_write(const struct scan *scan, uint32_t index, bool extended, struct bytes *out);

static void multipart_write(const struct scan *scan, const struct scan_part *part, bool extended,
			    struct bytes *out)
{
	for (uint32_t child = part->child; child != SCAN_NONE; child = scan->parts[child].next)
		part_write(scan, child, extended, out);
	if (part->child == SCAN_NONE)
		bytes_add_text(out, extended ? EMPTY_PART " NIL NIL NIL NIL)" : EMPTY_PART ")");
	add_spaced(scan, part->content.subtype, out);
	if (!extended)
		return;
	add_params(scan, &part->content, false, out);
	add_common(scan, &part->content, out);
}

static void message_write(const struct scan *scan, const struct scan_part *part, bool extended,
			  struct bytes *out)
{
	bytes_add_byte(out, ' ');
	envelope_write(&scan->parts[part->child].envelope, &scan->text, out);
	bytes_add_byte(out, ' ');
	part_write(scan, part->child, extended, out);
	add_number(part->body_lines, out);
}

static void leaf_write(const struct scan *scan, const struct scan_part *part, bool extended,
		       struct bytes *out)
{
	const struct content *content = &part->content;
	bool is_message = content->kind == CONTENT_MESSAGE;
	bool is_text =
		!is_message && !content->is_lump && (content->is_text || !content->type_seen);

	if (content->is_lump)
		bytes_add_text(out, "\"application\" \"octet-stream\"");
	else if (is_message)
		bytes_add_text(out, "\"message\" \"rfc822\"");
	else
		add_piece(scan, content->type, "\"text\" \"plain\"", out);
	add_params(scan, content, is_text, out);
	add_spaced(scan, content->id, out);
	add_spaced(scan, content->description, out);
	bytes_add_byte(out, ' ');
	add_piece(scan, content->encoding, "\"7bit\"", out);
	add_number(part->body_len, out);
	if (is_message)
		message_write(scan, part, extended, out);
	else if (is_text)
		add_number(part->body_lines, out);
	if (!extended)
		return;
	add_spaced(scan, content->md5, out);
	add_common(scan, content, out);
}

/* A plain text message with nothing to say about itself, however its field spells that. Dovecot
 * keeps one bit of it and spells the answer in lower case. */
static bool is_plain(const struct scan_part *part)
{
	const struct content *content = &part->content;

	return content->kind == CONTENT_LEAF && !content->is_lump &&
	       (!content->type_seen || content->is_plain_ascii) &&
	       (!content->encoding.set || content->encoding_kind == MIME_7BIT) &&
	       !content->id.set && !content->description.set && !content->md5.set &&
	       !content->disposition.set && !content->language.set && !content->location.set;
}

/* Recursion ends at MIME_DEPTH_MAX. */
static void part_write(const struct scan *scan, uint32_t index, bool extended, struct bytes *out)
{
	const struct scan_part *part = &scan->parts[index];

	bytes_add_byte(out, '(');
	if (part->content.kind == CONTENT_MULTIPART)
		multipart_write(scan, part, extended, out);
	else
		leaf_write(scan, part, extended, out);
	bytes_add_byte(out, ')');
}

void structure_write(const struct scan *scan, bool extended, struct bytes *out)
{
	if (!is_plain(&scan->parts[0])) {
		part_write(scan, 0, extended, out);
		return;
	}
	bytes_add_text(out, "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\"");
	add_number(scan->parts[0].body_len, out);
	add_number(scan->parts[0].body_lines, out);
	bytes_add_text(out, extended ? " NIL NIL NIL NIL)" : ")");
}
