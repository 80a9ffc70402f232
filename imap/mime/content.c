/* SPDX-License-Identifier: Apache-2.0 */
#include "content.h"

#include "lex.h"
#include "quote.h"

void content_reader_free(struct content_reader *reader)
{
	bytes_free(&reader->word);
	param_list_free(&reader->params);
}

void content_reader_restart(struct content_reader *reader)
{
	bytes_restart(&reader->word);
	bytes_restart(&reader->params.text);
	reader->params.failed = false;
}

bool content_reader_failed(const struct content_reader *reader)
{
	return reader->word.failed || reader->params.failed;
}

static bool is(struct span name, const char *text)
{
	return span_eq_fold(name, span_of(text));
}

static struct piece quoted_piece(struct content_reader *reader, struct span value)
{
	size_t start = reader->text->len;

	quote_string(reader->text, value);
	return bytes_piece_from(reader->text, start);
}

static struct piece unfolded_piece(struct content_reader *reader, struct span value)
{
	size_t start = reader->text->len;

	quote_unfolded(reader->text, value);
	return bytes_piece_from(reader->text, start);
}

/* "key" "value" pairs, separated by spaces. */
static struct piece params_piece(struct content_reader *reader)
{
	const struct param_list *params = &reader->params;
	size_t start = reader->text->len;

	if (params->count == 0)
		return (struct piece){0};
	for (uint32_t i = 0; i < params->count; i++) {
		if (i > 0)
			bytes_add_byte(reader->text, ' ');
		quote_string(reader->text, param_key(params, i));
		bytes_add_byte(reader->text, ' ');
		quote_string(reader->text, param_value(params, i));
	}
	return bytes_piece_from(reader->text, start);
}

static void classify(struct content *content, struct span type, struct span subtype)
{
	content->is_text = is(type, "text");
	content->is_plain_ascii = content->is_text && is(subtype, "plain");
	if (is(type, "message") && is(subtype, "rfc822")) {
		content->kind = CONTENT_MESSAGE;
	} else if (is(type, "multipart")) {
		content->kind = CONTENT_MULTIPART;
		content->is_digest = is(subtype, "digest");
	}
}

static bool is_default_charset(const struct param_list *params)
{
	return params->count == 0 || (params->count == 1 && is(param_key(params, 0), "charset") &&
				      is(param_value(params, 0), "us-ascii"));
}

static void take_type_params(struct content_reader *reader, struct content *content)
{
	const struct param_list *params = &reader->params;

	content->params = params_piece(reader);
	content->is_plain_ascii = content->is_plain_ascii && is_default_charset(params);
	for (uint32_t i = 0; i < params->count; i++) {
		struct span key = param_key(params, i);

		content->has_charset = content->has_charset || is(key, "charset");
		if (content->kind == CONTENT_MULTIPART && !content->boundary.set &&
		    is(key, "boundary")) {
			struct span value = param_value(params, i);
			size_t start = reader->text->len;

			value = span_cut(value, 0, CONTENT_BOUNDARY_BYTES_MAX);
			bytes_add(reader->text, value.ptr, value.len);
			content->boundary = bytes_piece_from(reader->text, start);
		}
	}
}

/* type "/" subtype, then the end or a ";". The words go to reader->word, one behind the other;
 * what is no type leaves none there, except that one cut short leaves what there was. */
static bool type_read(struct content_reader *reader, struct lexer *lexer, size_t *type_len_r)
{
	struct bytes *word = &reader->word;
	enum lex lex;

	bytes_clear(word);
	*type_len_r = 0;
	if (lex_space(lexer) != LEX_MORE)
		return false;
	lex = lex_token(lexer, word);
	*type_len_r = word->len;
	if (lex != LEX_MORE)
		return false;
	if (*lexer->at == '/' && word->len > 0) {
		lexer->at++;
		lex = lex_space(lexer) == LEX_MORE ? lex_token(lexer, word) : LEX_BROKEN;
		if (word->len > *type_len_r &&
		    (lex == LEX_END || (lex == LEX_MORE && *lexer->at == ';')))
			return true;
	}
	*type_len_r = 0;
	bytes_clear(word);
	return false;
}

/* A broken type is one of two empty words: not text, whatever it may have meant. */
static void take_type(struct content_reader *reader, struct content *content, struct span value)
{
	struct lexer lexer = lex_start(value, NULL);
	struct span type, subtype;
	size_t type_len = 0, start;
	bool whole = type_read(reader, &lexer, &type_len);

	content->type_seen = true;
	type = span_cut(bytes_span(&reader->word), 0, type_len);
	subtype = span_cut(bytes_span(&reader->word), type.len, reader->word.len);
	classify(content, type, subtype);
	start = reader->text->len;
	quote_string(reader->text, type);
	bytes_add_byte(reader->text, ' ');
	quote_string(reader->text, subtype);
	content->type = bytes_piece_from(reader->text, start);
	content->subtype = quoted_piece(reader, subtype);
	if (!whole)
		return;
	param_list_read(&reader->params, &lexer);
	take_type_params(reader, content);
}

static enum mime_encoding encoding_of(struct span word)
{
	static const struct {
		const char *name;
		enum mime_encoding encoding;
	} encodings[] = {
		{"7bit", MIME_7BIT},	 {"8bit", MIME_8BIT},
		{"binary", MIME_BINARY}, {"quoted-printable", MIME_QUOTED_PRINTABLE},
		{"base64", MIME_BASE64},
	};

	for (size_t i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++)
		if (is(word, encodings[i].name))
			return encodings[i].encoding;
	return MIME_ENCODING_UNKNOWN;
}

/* BODYSTRUCTURE shows a token with nothing behind it; what decodes goes by the first word. */
static void take_encoding(struct content_reader *reader, struct content *content, struct span value)
{
	struct lexer lexer = lex_start(value, NULL);
	struct bytes *word = &reader->word;
	enum lex lex;

	bytes_clear(word);
	lex_space(&lexer);
	lex = lex_token(&lexer, word);
	content->encoding_kind = (uint8_t)encoding_of(bytes_span(word));
	if (lex == LEX_END && word->len > 0)
		content->encoding = quoted_piece(reader, bytes_span(word));
}

static void take_disposition(struct content_reader *reader, struct content *content,
			     struct span value)
{
	struct lexer lexer = lex_start(value, NULL);
	struct bytes *text = reader->text;
	size_t start = text->len;
	struct piece params;

	bytes_clear(&reader->word);
	lex_space(&lexer);
	if (lex_token(&lexer, &reader->word) == LEX_BROKEN)
		return;
	param_list_read(&reader->params, &lexer);
	bytes_add_byte(text, '(');
	quote_string(text, bytes_span(&reader->word));
	bytes_add_byte(text, ' ');
	if (reader->params.count > 0)
		bytes_add_byte(text, '(');
	params = params_piece(reader);
	bytes_add_text(text, params.set ? "))" : "NIL)");
	content->disposition = bytes_piece_from(text, start);
	content->disposition_has_params = params.set;
}

static void take_language(struct content_reader *reader, struct content *content, struct span value)
{
	struct lexer lexer = lex_start(value, NULL);
	size_t start = reader->text->len;

	lex_space(&lexer);
	for (;;) {
		bytes_clear(&reader->word);
		if (lex_atom(&lexer, &reader->word) == LEX_BROKEN)
			break;
		bytes_add_byte(reader->text, reader->text->len == start ? '(' : ' ');
		quote_string(reader->text, bytes_span(&reader->word));
		if (!lex_at(&lexer, ','))
			break;
		lexer.at++;
		lex_space(&lexer);
	}
	if (reader->text->len == start)
		return;
	bytes_add_byte(reader->text, ')');
	content->language = bytes_piece_from(reader->text, start);
}

void content_field(struct content_reader *reader, struct content *content, struct span rest,
		   struct span value)
{
	if (is(rest, "type")) {
		if (!content->type_seen)
			take_type(reader, content, value);
	} else if (is(rest, "transfer-encoding")) {
		if (!content->encoding.set)
			take_encoding(reader, content, value);
	} else if (is(rest, "disposition")) {
		if (!content->disposition_has_params)
			take_disposition(reader, content, value);
	} else if (is(rest, "language")) {
		if (!content->language.set)
			take_language(reader, content, value);
	} else if (is(rest, "id")) {
		if (!content->id.set)
			content->id = unfolded_piece(reader, value);
	} else if (is(rest, "description")) {
		if (!content->description.set)
			content->description = unfolded_piece(reader, value);
	} else if (is(rest, "md5")) {
		if (!content->md5.set)
			content->md5 = unfolded_piece(reader, value);
	} else if (is(rest, "location")) {
		if (!content->location.set)
			content->location = unfolded_piece(reader, value);
	}
}
