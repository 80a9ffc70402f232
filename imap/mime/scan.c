/* SPDX-License-Identifier: Apache-2.0 */
#include "scan.h"

#include <errno.h>
#include <stdlib.h>

#include "check.h"
#include "header.h"

void scan_free(struct scan *scan)
{
	free(scan->parts);
	free(scan->fields);
	bytes_free(&scan->text);
	bytes_free(&scan->value);
	content_reader_free(&scan->reader);
	address_scratch_free(&scan->addresses);
	*scan = (struct scan){0};
}

/* Opens a part below the current one, where that one's bytes end so far, and enters it. */
static bool part_open(struct scan *scan)
{
	struct scan_part *part, *parent;
	uint32_t index = scan->part_count;

	if (scan->part_count == scan->part_room) {
		uint32_t room = scan->part_room == 0 ? 16 : scan->part_room * 2;
		struct scan_part *grown = realloc(scan->parts, room * sizeof(*grown));

		if (grown == NULL) {
			scan->failed = true;
			return false;
		}
		scan->parts = grown;
		scan->part_room = room;
	}
	part = &scan->parts[scan->part_count++];
	*part = (struct scan_part){
		.parent = scan->current,
		.next = SCAN_NONE,
		.child = SCAN_NONE,
		.child_last = SCAN_NONE,
		.field_first = scan->field_count,
	};
	if (scan->current != SCAN_NONE) {
		parent = &scan->parts[scan->current];
		part->off = parent->off + parent->header_len + parent->body_len;
		part->is_mime = parent->content.kind == CONTENT_MULTIPART;
		if (parent->child == SCAN_NONE)
			parent->child = index;
		else
			scan->parts[parent->child_last].next = index;
		parent->child_last = index;
	}
	scan->current = index;
	scan->depth++;
	return true;
}

/* Leaves the current part: its bytes and lines become its parent's. */
static void part_close(struct scan *scan)
{
	const struct scan_part *part = &scan->parts[scan->current];
	struct scan_part *parent = &scan->parts[part->parent];

	parent->body_len += part->header_len + part->body_len;
	parent->body_lines += part->header_lines + part->body_lines;
	scan->current = part->parent;
	scan->depth--;
}

/* At the limit no boundary counts any more: the part in hand takes all the rest. */
static bool is_full(const struct scan *scan)
{
	return scan->part_count >= MIME_PARTS_MAX;
}

/* Whether parts may be opened below the current one. */
static bool may_open(const struct scan *scan)
{
	return !is_full(scan) && scan->depth < MIME_DEPTH_MAX;
}

/*
 * Which open boundary the line at `at` is, or SCAN_NONE. A line need only begin with one; the
 * longest that fits wins, then the innermost; one that fits exactly, with or without the dashes
 * that close it, wins at once (RFC 2046 5.1.1, and mail where one boundary is another's prefix).
 */
static uint32_t boundary_at(struct scan *scan, uint32_t at)
{
	struct span rest = span_cut(scan->message, at, scan->message.len), line;
	uint32_t best = SCAN_NONE;
	size_t best_len = 0;
	bool dashes;

	if (scan->boundary_count == 0 || is_full(scan) || rest.len < 2 || rest.ptr[0] != '-' ||
	    rest.ptr[1] != '-')
		return SCAN_NONE;
	line = span_cut(header_line_text(scan->message, at), 2, rest.len);
	dashes = line.len > 2 && memcmp(line.ptr + line.len - 2, "--", 2) == 0;
	for (uint32_t i = scan->boundary_count; i-- > 0;) {
		struct span text = bytes_piece_span(&scan->text, scan->boundaries[i].text);

		if (text.len > line.len || (best != SCAN_NONE && text.len <= best_len) ||
		    !span_eq(text, span_cut(line, 0, text.len)))
			continue;
		best = i;
		best_len = text.len;
		if (best_len == line.len || (dashes && best_len == line.len - 2))
			break;
	}
	if (best != SCAN_NONE)
		scan->closing =
			line.len >= best_len + 2 && memcmp(line.ptr + best_len, "--", 2) == 0;
	return best;
}

static void boundary_push(struct scan *scan)
{
	ASSERT(scan->boundary_count < MIME_DEPTH_MAX);
	scan->boundaries[scan->boundary_count++] = (struct scan_boundary){
		.text = scan->parts[scan->current].content.boundary,
		.part = scan->current,
	};
}

static struct scan_field *field_open(struct scan *scan, uint32_t at)
{
	if (scan->field_count == MIME_FIELDS_MAX)
		return NULL;
	if (scan->field_count == scan->field_room) {
		uint32_t room = scan->field_room == 0 ? 64 : scan->field_room * 2;
		struct scan_field *grown = realloc(scan->fields, room * sizeof(*grown));

		if (grown == NULL) {
			scan->failed = true;
			return NULL;
		}
		scan->fields = grown;
		scan->field_room = room;
	}
	scan->parts[scan->current].field_count++;
	scan->fields[scan->field_count] = (struct scan_field){.off = at};
	return &scan->fields[scan->field_count++];
}

/* What would hold parts past a limit is a lump of bytes. */
static void part_overflow(struct scan_part *part)
{
	part->content.kind = CONTENT_LEAF;
	part->content.is_lump = true;
}

static bool wants_envelope(const struct scan *scan, const struct scan_part *part)
{
	return part->parent == SCAN_NONE ||
	       scan->parts[part->parent].content.kind == CONTENT_MESSAGE;
}

/* Takes what the answers need of a field. */
static void field_take(struct scan *scan, struct span field, struct span name, enum name_id id)
{
	struct scan_part *part = &scan->parts[scan->current];
	struct span prefix = span_cut(name, 0, 8);
	bool is_content = span_eq_fold(prefix, span_of("content-"));

	if (id == NAME_MIME_VERSION)
		part->is_mime = true;
	if (!is_content && (!envelope_wants(id) || !wants_envelope(scan, part)))
		return;
	if (field.len > scan->values_left)
		return;
	scan->values_left -= field.len;
	header_value(field, &scan->value);
	if (is_content)
		content_field(&scan->reader, &part->content, span_cut(name, 8, name.len),
			      bytes_span(&scan->value));
	else
		envelope_take(&part->envelope, id, bytes_span(&scan->value), &scan->addresses,
			      &scan->text);
	part->is_mime = part->is_mime || part->content.type_seen;
}

/* Reads the field at scan->at, with the lines that continue it. Returns its line end's bytes. */
static uint32_t field_read(struct scan *scan)
{
	struct scan_part *part = &scan->parts[scan->current];
	struct header_line line;
	struct span field, name;
	struct scan_field *kept;
	uint32_t len = 0;

	do {
		line = header_line_read(scan->message, scan->at + len);
		len += line.len;
		part->header_lines += line.end_len > 0;
	} while (header_line_continues(scan->message, scan->at + len, &line));
	field = span_cut(scan->message, scan->at, len);
	name = header_name(field);
	kept = field_open(scan, scan->at);
	if (kept != NULL) {
		kept->len = len;
		kept->name_len = (uint32_t)name.len;
		kept->id = (uint8_t)name_find(name);
	}
	field_take(scan, field, name, kept != NULL ? kept->id : name_find(name));
	part->header_len += len;
	scan->at += len;
	return line.end_len;
}

/* A boundary stands in the header: the line end before it belongs to the boundary. */
static void header_cut(struct scan *scan, uint32_t end_len)
{
	struct scan_part *part = &scan->parts[scan->current];
	struct scan_part *parent;

	ASSERT(part->parent !=
	       SCAN_NONE); /* only a part above has a boundary that is not its own */
	if (end_len == 0)
		return;
	parent = &scan->parts[part->parent];
	part->header_len -= end_len;
	part->header_lines--;
	parent->body_len += end_len;
	parent->body_lines++;
	if (part->has_empty_line)
		part->has_empty_line = false;
	else if (part->field_count > 0 && scan->field_count < MIME_FIELDS_MAX)
		scan->fields[scan->field_count - 1].len -= end_len;
}

/* What the part is, once its header is read. */
static void header_finish(struct scan *scan)
{
	struct scan_part *part = &scan->parts[scan->current];
	bool digest = part->parent != SCAN_NONE && scan->parts[part->parent].content.is_digest;

	if (!part->is_mime)
		part->content = (struct content){0};
	if (!part->content.type_seen && digest)
		part->content.kind = CONTENT_MESSAGE;
	if (part->content.kind == CONTENT_MESSAGE && !may_open(scan))
		part_overflow(part);
}

/* Reads the current part's header; scan->at comes to stand at its body. */
static void header_read(struct scan *scan)
{
	uint32_t end_len = 0, found;
	bool ended = false;

	for (;;) {
		struct scan_part *part = &scan->parts[scan->current];
		struct header_line line = header_line_read(scan->message, scan->at);
		bool is_empty = line.end_len > 0 && line.end_len == line.len;

		/* Its own boundary must be known before the empty line is looked at: what
		 * follows may be that one or one of an outer part. */
		if (!ended && is_empty && part->content.boundary.set) {
			if (may_open(scan))
				boundary_push(scan);
			else
				part_overflow(part);
		}
		found = boundary_at(scan, scan->at);
		if (found != SCAN_NONE && scan->boundaries[found].part != scan->current) {
			header_cut(scan, end_len);
			break;
		}
		if (ended || line.len == 0)
			break;
		if (!is_empty) {
			end_len = field_read(scan);
			continue;
		}
		ended = part->has_empty_line = true;
		end_len = line.end_len;
		part->header_len += line.len;
		part->header_lines++;
		scan->at += line.len;
	}
	header_finish(scan);
}

/* Reads on to the next boundary line, all into the current part. Where the line found stands is
 * in scan->at; the line end before it is the boundary's, but for a line that begins the body. */
static uint32_t body_read(struct scan *scan, uint32_t *end_len_r)
{
	struct scan_part *part = &scan->parts[scan->current];
	uint32_t end_len = 0, found = boundary_at(scan, scan->at);

	while (found == SCAN_NONE && scan->at < scan->message.len) {
		struct header_line line = header_line_read(scan->message, scan->at);

		scan->at += line.len;
		part->body_len += line.len;
		part->body_lines += line.end_len > 0;
		end_len = line.end_len;
		if (end_len > 0)
			found = boundary_at(scan, scan->at);
	}
	if (found != SCAN_NONE && end_len > 0) {
		part->body_len -= end_len;
		part->body_lines--;
	}
	*end_len_r = found != SCAN_NONE ? end_len : 0;
	return found;
}

/* Closes the parts inside the boundary's own, and gives it the line. False: no part follows. */
static bool boundary_take(struct scan *scan, uint32_t found, uint32_t end_len)
{
	uint32_t owner = scan->boundaries[found].part;
	struct header_line line = header_line_read(scan->message, scan->at);
	struct scan_part *part = &scan->parts[owner];

	while (scan->current != owner)
		part_close(scan);
	scan->boundary_count = scan->closing ? found : found + 1;
	part->body_len += end_len + line.len;
	part->body_lines += (end_len > 0) + (line.end_len > 0);
	scan->at += line.len;
	return line.end_len > 0 && !scan->closing;
}

/* Reads bodies until a boundary opens a part. False: the message ends first. */
static bool next_part(struct scan *scan)
{
	for (;;) {
		uint32_t end_len, found = body_read(scan, &end_len);

		if (found == SCAN_NONE)
			return false;
		if (boundary_take(scan, found, end_len))
			return true;
	}
}

static void scan_start(struct scan *scan, struct span message)
{
	scan->message = message;
	scan->at = 0;
	scan->current = SCAN_NONE;
	scan->depth = 0;
	scan->part_count = scan->field_count = scan->boundary_count = 0;
	scan->values_left = SCAN_VALUES_BYTES_MAX;
	scan->failed = false;
	bytes_restart(&scan->text);
	bytes_restart(&scan->value);
	scan->reader.text = &scan->text;
	content_reader_restart(&scan->reader);
	address_scratch_restart(&scan->addresses);
}

int scan_message(struct scan *scan, struct span message)
{
	scan_start(scan, message);
	while (part_open(scan)) {
		header_read(scan);
		if (scan->parts[scan->current].content.kind == CONTENT_MESSAGE)
			continue;
		if (!next_part(scan))
			break;
	}
	while (!scan->failed && scan->parts[scan->current].parent != SCAN_NONE)
		part_close(scan);
	scan->failed = scan->failed || scan->text.failed || scan->value.failed ||
		       content_reader_failed(&scan->reader) ||
		       address_scratch_failed(&scan->addresses);
	return scan->failed ? -ENOMEM : 0;
}
