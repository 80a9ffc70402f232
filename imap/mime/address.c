/* SPDX-License-Identifier: Apache-2.0 */
#include "address.h"

#include "lex.h"
#include "quote.h"

/* The four strings of an address; NULL is NIL. They point into the scratch or at marker words. */
struct address {
	const struct bytes *name, *route, *mailbox, *domain;
	const char *route_mark, *domain_mark;
	bool broken;
};

struct parser {
	struct lexer lexer;
	struct address_scratch *scratch;
	struct address address;
	struct bytes *out;
};

void address_scratch_free(struct address_scratch *scratch)
{
	bytes_free(&scratch->name);
	bytes_free(&scratch->route);
	bytes_free(&scratch->mailbox);
	bytes_free(&scratch->domain);
	bytes_free(&scratch->word);
	bytes_free(&scratch->comment);
}

void address_scratch_restart(struct address_scratch *scratch)
{
	bytes_restart(&scratch->name);
	bytes_restart(&scratch->route);
	bytes_restart(&scratch->mailbox);
	bytes_restart(&scratch->domain);
	bytes_restart(&scratch->word);
	bytes_restart(&scratch->comment);
}

bool address_scratch_failed(const struct address_scratch *scratch)
{
	return scratch->name.failed || scratch->route.failed || scratch->mailbox.failed ||
	       scratch->domain.failed || scratch->word.failed || scratch->comment.failed;
}

static void write_or_nil(struct bytes *out, const struct bytes *string, const char *mark)
{
	if (mark != NULL)
		quote_string(out, span_of(mark));
	else if (string != NULL)
		quote_string(out, bytes_span(string));
	else
		bytes_add(out, "NIL", 3);
}

static void address_write(struct parser *parser)
{
	const struct address *address = &parser->address;
	struct bytes *out = parser->out;

	bytes_add_byte(out, '(');
	if (address->name != NULL)
		quote_words(out, bytes_span(address->name));
	else
		bytes_add(out, "NIL", 3);
	bytes_add_byte(out, ' ');
	write_or_nil(out, address->route, address->route_mark);
	bytes_add_byte(out, ' ');
	write_or_nil(out, address->mailbox, NULL);
	bytes_add_byte(out, ' ');
	write_or_nil(out, address->domain, address->domain_mark);
	bytes_add_byte(out, ')');
	parser->address = (struct address){0};
}

/* An address that should be whole: gaps are filled so that no client takes it for a group. */
static void address_write_filled(struct parser *parser)
{
	struct address_scratch *scratch = parser->scratch;
	struct address *address = &parser->address;

	if (address->mailbox == NULL) {
		bytes_clear(&scratch->mailbox);
		bytes_add_text(&scratch->mailbox, "MISSING_MAILBOX");
		address->mailbox = &scratch->mailbox;
	}
	if (address->domain_mark == NULL && (address->domain == NULL || address->domain->len == 0))
		address->domain_mark = "MISSING_DOMAIN";
	address_write(parser);
}

static enum lex local_part(struct parser *parser)
{
	struct bytes *mailbox = &parser->scratch->mailbox;
	enum lex lex;

	bytes_clear(mailbox);
	lex = lex_at(&parser->lexer, '"') ? lex_quoted(&parser->lexer, mailbox)
					  : lex_loose_dot_atom(&parser->lexer, mailbox);
	if (lex != LEX_BROKEN)
		parser->address.mailbox = mailbox;
	return lex;
}

static enum lex domain(struct parser *parser)
{
	struct bytes *domain = &parser->scratch->domain;
	enum lex lex;

	bytes_clear(domain);
	lex = lex_domain(&parser->lexer, domain);
	if (lex != LEX_BROKEN)
		parser->address.domain = domain;
	return lex;
}

/* The source route of old: "@" domain *("," "@" domain). */
static enum lex domain_list(struct parser *parser)
{
	struct lexer *lexer = &parser->lexer;
	struct bytes *route = &parser->scratch->route;
	enum lex lex;

	bytes_clear(route);
	while (lex_at(lexer, '@')) {
		if (route->len > 0)
			bytes_add_byte(route, ',');
		bytes_add_byte(route, '@');
		lex = lex_domain(lexer, route);
		if (lex != LEX_MORE)
			return lex;
		while (lex_space(lexer) == LEX_MORE && *lexer->at == ',')
			lexer->at++;
	}
	if (lexer->at >= lexer->end)
		return LEX_END;
	parser->address.route = route;
	return LEX_MORE;
}

/* Stands at the '<'. */
static enum lex angle_address(struct parser *parser)
{
	struct lexer *lexer = &parser->lexer;

	lexer->at++;
	if (lex_space(lexer) != LEX_MORE)
		return LEX_BROKEN;
	if (*lexer->at == '@') {
		if (domain_list(parser) == LEX_MORE && *lexer->at == ':') {
			lexer->at++;
		} else {
			parser->address.route_mark = "INVALID_ROUTE";
			if (lexer->at >= lexer->end)
				return LEX_BROKEN;
		}
		if (lex_space(lexer) != LEX_MORE)
			return LEX_BROKEN;
	}
	if (*lexer->at != '>') {
		if (local_part(parser) != LEX_MORE)
			return LEX_BROKEN;
		if (*lexer->at == '@' && domain(parser) != LEX_MORE)
			return LEX_BROKEN;
	}
	if (*lexer->at != '>')
		return LEX_BROKEN;
	lexer->at++;
	return lex_space(lexer);
}

static enum lex name_address(struct parser *parser)
{
	struct bytes *name = &parser->scratch->name;

	bytes_clear(name);
	if (lex_phrase(&parser->lexer, name) != LEX_MORE || *parser->lexer.at != '<')
		return LEX_BROKEN;
	if (name->len > 0)
		parser->address.name = name;
	if (angle_address(parser) == LEX_BROKEN) {
		parser->address.domain_mark = "SYNTAX_ERROR";
		parser->address.broken = true;
	}
	return parser->lexer.at < parser->lexer.end ? LEX_MORE : LEX_END;
}

/* A word with no domain and no comment behind it: alone it is a mailbox, with more words behind
 * it they are all a name. */
static void lone_words(struct parser *parser, bool quoted)
{
	struct bytes *word = &parser->scratch->word;
	size_t len;

	bytes_clear(word);
	bytes_add(word, parser->scratch->mailbox.ptr, parser->scratch->mailbox.len);
	bytes_add_byte(word, ' ');
	len = word->len;
	lex_phrase(&parser->lexer, word);
	if (word->len != len) {
		parser->address.mailbox = NULL;
		parser->address.name = word;
	} else if (!quoted) {
		parser->address.domain_mark = "MISSING_DOMAIN";
	}
	parser->address.broken = true;
}

static enum lex plain_address(struct parser *parser)
{
	struct bytes *comment = &parser->scratch->comment;
	bool quoted = lex_at(&parser->lexer, '"'), no_domain = true;
	enum lex lex;

	bytes_clear(comment);
	lex = local_part(parser);
	if (lex != LEX_MORE)
		parser->address.broken = true;
	if (lex != LEX_END && lex_at(&parser->lexer, '@')) {
		enum lex after = domain(parser);

		no_domain = false;
		if (after != LEX_MORE)
			lex = after;
	}
	if (comment->len > 0) {
		parser->address.name = comment;
	} else if (no_domain) {
		lone_words(parser, quoted);
		lex = LEX_BROKEN;
	}
	return lex;
}

static enum lex mailbox(struct parser *parser)
{
	const uint8_t *start = parser->lexer.at;
	struct address *address = &parser->address;
	enum lex lex = name_address(parser);

	if (lex == LEX_BROKEN) {
		parser->lexer.at = start;
		lex = plain_address(parser);
		if (address->broken && address->name == NULL && address->mailbox != NULL &&
		    address->domain == NULL && address->domain_mark == NULL) {
			address->name = address->mailbox;
			address->mailbox = NULL;
			/* Filling the gap must not overwrite what is now the name. */
			bytes_clear(&parser->scratch->name);
			bytes_add(&parser->scratch->name, address->name->ptr, address->name->len);
			address->name = &parser->scratch->name;
		}
	}
	address_write_filled(parser);
	return lex;
}

static enum lex group_mailboxes(struct parser *parser)
{
	for (;;) {
		mailbox(parser);
		if (!lex_at(&parser->lexer, ','))
			return LEX_MORE;
		parser->lexer.at++;
		if (lex_space(&parser->lexer) != LEX_MORE)
			return LEX_BROKEN;
	}
}

/* "name:" [mailboxes] ";" comes as an address of the name alone, the mailboxes, and one of
 * nothing. LEX_BROKEN: this is no group. */
static enum lex group(struct parser *parser)
{
	struct lexer *lexer = &parser->lexer;
	struct bytes *name = &parser->scratch->word;
	enum lex lex;

	bytes_clear(name);
	if (lex_phrase(lexer, name) != LEX_MORE || *lexer->at != ':')
		return LEX_BROKEN;
	lexer->at++;
	lex = lex_space(lexer);
	parser->address.mailbox = name;
	address_write(parser);
	if (lex == LEX_MORE && *lexer->at != ';')
		lex = group_mailboxes(parser);
	if (lex != LEX_BROKEN && lex_at(lexer, ';')) {
		lexer->at++;
		lex = lex_space(lexer);
	} else {
		lex = LEX_BROKEN;
	}
	address_write(parser);
	return lex == LEX_END ? LEX_END : LEX_MORE;
}

static void address_list(struct parser *parser)
{
	struct lexer *lexer = &parser->lexer;

	for (;;) {
		const uint8_t *start = lexer->at;
		enum lex lex = group(parser);

		if (lex == LEX_BROKEN) {
			lexer->at = start;
			lex = mailbox(parser);
		}
		if (lex == LEX_END || !lex_at(lexer, ','))
			return;
		lexer->at++;
		lex = lex_space(lexer);
		if (lex == LEX_BROKEN)
			address_write_filled(parser);
		if (lex != LEX_MORE)
			return;
	}
}

bool address_list_write(struct address_scratch *scratch, struct span value, struct bytes *out)
{
	struct parser parser = {
		.lexer = lex_start(value, &scratch->comment),
		.scratch = scratch,
		.out = out,
	};
	size_t start = out->len;

	if (lex_space(&parser.lexer) != LEX_MORE)
		return false;
	address_list(&parser);
	return out->len > start;
}
