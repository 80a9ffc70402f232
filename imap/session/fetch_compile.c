/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch.h"

#include <string.h>

#include "arena.h"
#include "check.h"

static const char answer_items[] = "NO [LIMIT] Too many items in one FETCH";
static const char answer_fields[] = "NO [LIMIT] Too many header fields in one section";
static const char answer_numbers[] = "BAD There are no messages of those numbers";
struct compiler {
	struct session *session;
	struct arena *arena;
	struct fetch *fetch;
	struct fetch_op *ops;
};

/* --- Items, one after the other --- */

struct items {
	struct wire_cursor cursor;
	bool listed, any;
};

static void items_begin(struct items *items, const struct wire_cursor *cursor)
{
	*items = (struct items){.cursor = *cursor};
	items->listed = wire_char(&items->cursor, '(') > 0;
}

/* 1 and *item_r with its bytes as sent; 0 behind the last; WIRE_BAD. */
static int items_next(struct items *items, struct wire_fetch *item_r, struct span *spelled_r)
{
	const uint8_t *start;

	if (items->any) {
		if (!items->listed || wire_char(&items->cursor, ')') > 0)
			return wire_end(&items->cursor) > 0 ? 0 : WIRE_BAD;
		if (wire_space(&items->cursor) < 0)
			return WIRE_BAD;
	}
	items->any = true;
	start = items->cursor.ptr;
	if (wire_fetch_att(&items->cursor, item_r) < 0 ||
	    (items->listed && item_r->kind >= WIRE_FETCH_ALL))
		return WIRE_BAD;
	*spelled_r = (struct span){start, (size_t)(items->cursor.ptr - start)};
	return 1;
}

static const enum fetch_kind macro_full[] = {FETCH_FLAGS, FETCH_DATE, FETCH_SIZE, FETCH_ENVELOPE,
					     FETCH_BODY};

/* How many ops a macro stands for: FAST and ALL are the beginning of FULL (RFC 3501 6.4.5). */
static unsigned macro_ops(enum wire_fetch_kind kind)
{
	return kind == WIRE_FETCH_FAST ? 3 : kind == WIRE_FETCH_ALL ? 4 : 5;
}

/* --- Labels --- */

/* What stands between the brackets, in the order and spelling the client used. */
static struct span section_spelled(struct span spelled)
{
	const uint8_t *open = memchr(spelled.ptr, '[', spelled.len);
	const uint8_t *close = memrchr(spelled.ptr, ']', spelled.len);

	if (open == NULL || close == NULL)
		return (struct span){spelled.ptr, 0};
	return (struct span){open + 1, (size_t)(close - open - 1)};
}

/* As spelled, but literals become quoted strings: "{4+}" is not for servers to say. */
static void section_put(struct wire_text *text, struct span section, const struct wire_fetch *item)
{
	struct wire_cursor cursor;
	struct wire_string name;

	if (item->names_n == 0 || memchr(section.ptr, '{', section.len) == NULL) {
		wire_text_add(text, section);
		return;
	}
	cursor = wire_cursor_of(item->names);
	wire_text_add(text, (struct span){section.ptr, (size_t)(item->names.ptr - section.ptr)});
	wire_text_str(text, "(");
	wire_char(&cursor, '(');
	for (unsigned k = 0; k < item->names_n && wire_astring(&cursor, &name) > 0; k++) {
		wire_text_str(text, k > 0 ? " " : "");
		if (name.escaped) {
			wire_text_str(text, "\"");
			wire_text_add(text, name.raw);
			wire_text_str(text, "\"");
		} else {
			wire_text_string(text, name.raw);
		}
		wire_space(&cursor);
	}
	wire_text_str(text, ")");
}

/* The name of an item in answers; one that ends in a bracket is followed by its section. */
static const char *item_name(const struct wire_fetch *item)
{
	static const char *const names[] = {
		[WIRE_FETCH_BINARY] = "BINARY[",
		[WIRE_FETCH_BINARY_SIZE] = "BINARY.SIZE[",
		[WIRE_FETCH_SECTION] = "BODY[",
	};

	if (item->kind != WIRE_FETCH_SECTION || item->name.len < 6 ||
	    !span_eq_fold(span_cut(item->name, 0, 6), span_of("RFC822")))
		return names[item->kind];
	if (item->section == WIRE_SECTION_ALL)
		return "RFC822";
	return item->section == WIRE_SECTION_HEADER ? "RFC822.HEADER" : "RFC822.TEXT";
}

/* " BODY[HEADER]<0> ", without the first space in the first op. */
static bool label_make(struct compiler *compiler, struct fetch_op *op, const char *name,
		       const struct wire_fetch *item, struct span spelled)
{
	struct arena *arena = compiler->arena;
	struct wire_text text = {
		.ptr = arena->ptr + arena->len,
		.capacity = arena->capacity - arena->len,
	};

	wire_text_str(&text, compiler->fetch->ops_n > 0 ? " " : "");
	wire_text_str(&text, name);
	if (name[strlen(name) - 1] == '[') {
		section_put(&text, section_spelled(spelled), item);
		wire_text_str(&text, "]");
		if (item->partial) {
			wire_text_str(&text, "<");
			wire_text_number(&text, item->partial_off);
			wire_text_str(&text, ">");
		}
	}
	wire_text_str(&text, " ");
	op->text = text.ptr;
	op->text_len = (uint32_t)text.len;
	return !text.full && arena_take(arena, text.len) != NULL;
}

/* --- Ops --- */

static const char *fields_compile(struct compiler *compiler, struct fetch_op *op,
				  const struct wire_fetch *item)
{
	struct session_engine *engine = compiler->session->engine;
	struct span *names = (struct span *)(void *)engine->temp;
	struct wire_cursor cursor = wire_cursor_of(item->names);
	size_t used = FETCH_FIELDS_MAX * sizeof(*names), bytes = 0;
	void *memory;

	static_assert(FETCH_FIELDS_MAX * sizeof(*names) < ENGINE_TEMP_BYTES / 2, "room for names");
	if (item->names_n > FETCH_FIELDS_MAX)
		return answer_fields;
	wire_char(&cursor, '(');
	for (unsigned k = 0; k < item->names_n; k++) {
		struct wire_string name;

		if (wire_astring(&cursor, &name) < 0)
			return answer_arguments;
		wire_space(&cursor);
		names[k] = name.raw;
		if (name.escaped) {
			size_t len = wire_string_copy(&name, engine->temp + used,
						      sizeof(engine->temp) - used);

			if (len == SIZE_MAX)
				return answer_fields;
			names[k] = (struct span){engine->temp + used, len};
			used += len;
		}
		bytes += names[k].len;
	}
	memory = arena_take(compiler->arena, mime_fieldset_bytes(item->names_n, bytes));
	if (memory == NULL)
		return answer_block_full;
	op->fields = mime_fieldset_compile(memory, names, item->names_n,
					   item->section == WIRE_SECTION_FIELDS_NOT);
	return NULL;
}

static const char *section_compile(struct compiler *compiler, struct fetch_op *op,
				   const struct wire_fetch *item)
{
	static const uint8_t sections[] = {
		[WIRE_SECTION_ALL] = MIME_SECTION_ALL,
		[WIRE_SECTION_HEADER] = MIME_SECTION_HEADER,
		[WIRE_SECTION_FIELDS] = MIME_SECTION_HEADER,
		[WIRE_SECTION_FIELDS_NOT] = MIME_SECTION_HEADER,
		[WIRE_SECTION_TEXT] = MIME_SECTION_TEXT,
		[WIRE_SECTION_MIME] = MIME_SECTION_MIME,
	};
	size_t path_bytes = item->depth * sizeof(*item->path);
	uint32_t *path = arena_take(compiler->arena, path_bytes);

	if (path == NULL)
		return answer_block_full;
	memcpy(path, item->path, path_bytes);
	op->path = path;
	op->depth = (uint8_t)item->depth;
	op->section = sections[item->section];
	op->partial = item->partial;
	op->partial_off = item->partial_off;
	op->partial_len = item->partial_len;
	if (op->kind == FETCH_SECTION && op->depth == 0 && item->section == WIRE_SECTION_ALL)
		op->kind = FETCH_WHOLE;
	if (op->kind != FETCH_SECTION ||
	    (item->section != WIRE_SECTION_FIELDS && item->section != WIRE_SECTION_FIELDS_NOT))
		return NULL;
	op->kind = FETCH_FIELDS;
	return fields_compile(compiler, op, item);
}

static void op_done(struct fetch *fetch, const struct fetch_op *op)
{
	fetch->ops_n++;
	fetch->fixed_bytes += op->text_len + FETCH_VALUE_BYTES_MAX;
	fetch->needs_prep |= op->kind >= FETCH_ENVELOPE && op->kind != FETCH_WHOLE;
	fetch->is_short &= op->kind != FETCH_BINARY && op->text_len < STREAM_RESERVE_BYTES_MAX;
}

/* An op without a section. */
static const char *plain_add(struct compiler *compiler, enum fetch_kind kind)
{
	static const char *const names[] = {
		[FETCH_UID] = "UID",
		[FETCH_FLAGS] = "FLAGS",
		[FETCH_DATE] = "INTERNALDATE",
		[FETCH_SIZE] = "RFC822.SIZE",
		[FETCH_ENVELOPE] = "ENVELOPE",
		[FETCH_BODY] = "BODY",
		[FETCH_BODYSTRUCTURE] = "BODYSTRUCTURE",
	};
	struct fetch_op *op = &compiler->ops[compiler->fetch->ops_n];

	*op = (struct fetch_op){.kind = (uint8_t)kind};
	if (!label_make(compiler, op, names[kind], NULL, (struct span){0}))
		return answer_block_full;
	op_done(compiler->fetch, op);
	return NULL;
}

static const char *item_add(struct compiler *compiler, const struct wire_fetch *item,
			    struct span spelled)
{
	static const enum fetch_kind kinds[] = {
		[WIRE_FETCH_FLAGS] = FETCH_FLAGS,
		[WIRE_FETCH_UID] = FETCH_UID,
		[WIRE_FETCH_INTERNALDATE] = FETCH_DATE,
		[WIRE_FETCH_SIZE] = FETCH_SIZE,
		[WIRE_FETCH_ENVELOPE] = FETCH_ENVELOPE,
		[WIRE_FETCH_BODY] = FETCH_BODY,
		[WIRE_FETCH_BODYSTRUCTURE] = FETCH_BODYSTRUCTURE,
		[WIRE_FETCH_SECTION] = FETCH_SECTION,
		[WIRE_FETCH_BINARY] = FETCH_BINARY,
		[WIRE_FETCH_BINARY_SIZE] = FETCH_BINARY_SIZE,
	};
	struct fetch_op *op = &compiler->ops[compiler->fetch->ops_n];
	const char *answer = NULL;

	if (item->kind >= WIRE_FETCH_ALL) {
		for (unsigned k = 0; k < macro_ops(item->kind) && answer == NULL; k++)
			answer = plain_add(compiler, macro_full[k]);
		return answer;
	}
	if (kinds[item->kind] < FETCH_SECTION)
		return plain_add(compiler, kinds[item->kind]);
	*op = (struct fetch_op){.kind = (uint8_t)kinds[item->kind]};
	if (!label_make(compiler, op, item_name(item), item, spelled))
		return answer_block_full;
	answer = section_compile(compiler, op, item);
	if (answer == NULL)
		op_done(compiler->fetch, op);
	return answer;
}

/* --- The program --- */

/* Checks the items' syntax and makes room for their ops. */
static const char *ops_reserve(struct compiler *compiler, const struct wire_cursor *cursor)
{
	unsigned n = compiler->fetch->by_uid ? 1 : 0;
	struct wire_fetch item;
	struct items items;
	struct span spelled;
	int status;

	items_begin(&items, cursor);
	while ((status = items_next(&items, &item, &spelled)) > 0)
		n += item.kind >= WIRE_FETCH_ALL ? macro_ops(item.kind) : 1;
	if (status < 0)
		return answer_arguments;
	if (n > FETCH_OPS_MAX)
		return answer_items;
	compiler->ops = arena_take(compiler->arena, n * sizeof(*compiler->ops));
	compiler->fetch->ops = compiler->ops;
	return compiler->ops == NULL ? answer_block_full : NULL;
}

static bool asks_for(const struct wire_cursor *cursor, enum wire_fetch_kind kind)
{
	struct wire_fetch item;
	struct items items;
	struct span spelled;

	items_begin(&items, cursor);
	while (items_next(&items, &item, &spelled) > 0)
		if (item.kind == kind)
			return true;
	return false;
}

static const char *set_compile(struct compiler *compiler, struct wire_cursor *cursor)
{
	const struct store_view *view = compiler->session->view;
	struct arena *arena = compiler->arena;
	struct fetch *fetch = compiler->fetch;
	struct wire_run *runs = (struct wire_run *)(void *)(arena->ptr + arena->len);
	uint32_t count = store_view_count(view), star = count;
	bool full = false;

	if (fetch->by_uid && count > 0)
		star = store_view_uid(view, count - 1);
	if (wire_seqset(cursor, star, runs, (arena->capacity - arena->len) / sizeof(*runs),
			&fetch->runs_n, &full) < 0)
		return full ? answer_block_full : answer_arguments;
	/* Sequence numbers must be in use (RFC 3501 section 9, seq-number); UIDs need not. */
	if ((compiler->session->command->flags & COMMAND_SEQUENCE) != 0 &&
	    (fetch->runs_n == 0 || runs[fetch->runs_n - 1].last > count))
		return answer_numbers;
	fetch->runs = arena_take(arena, fetch->runs_n * sizeof(*runs));
	return NULL;
}

const char *fetch_compile(struct session *session, struct wire_cursor *cursor, struct arena *arena)
{
	bool by_uid = (session->command->flags & COMMAND_UID) != 0;
	struct compiler compiler = {session, arena, arena_take(arena, sizeof(struct fetch)), NULL};
	struct fetch *fetch = compiler.fetch;
	struct wire_fetch item;
	struct items items;
	struct span spelled;
	const char *answer;

	ASSERT(fetch != NULL);
	*fetch = (struct fetch){.by_uid = by_uid, .is_short = true};
	if (wire_space(cursor) < 0)
		return answer_arguments;
	answer = set_compile(&compiler, cursor);
	if (answer == NULL)
		answer = wire_space(cursor) < 0 ? answer_arguments : ops_reserve(&compiler, cursor);
	/* UID FETCH answers with the UID, asked for or not (RFC 3501 section 6.4.8). */
	if (answer == NULL && by_uid && !asks_for(cursor, WIRE_FETCH_UID))
		answer = plain_add(&compiler, FETCH_UID);
	items_begin(&items, cursor);
	while (answer == NULL && items_next(&items, &item, &spelled) > 0)
		answer = item_add(&compiler, &item, spelled);
	for (unsigned k = 0; k < fetch->ops_n; k++)
		fetch->keywords |= fetch->ops[k].kind == FETCH_FLAGS &&
				   store_view_keyword_count(session->view) > 0;
	fetch->is_short &= fetch->ops_n <= FETCH_ROW_OPS_MAX;
	return answer;
}
