/* The stream of a chat completion. */
#include "planner/engines/chat.h"

#include <stdlib.h>
#include <string.h>

#include "planner/base/json.h"

enum { LINE_MAX_BYTES = 1 << 20 };      /* of one event; a token's is some hundred */

/* Append a string that may be there under any of the names. */
static bool
chat_add(struct str *s, const json_t *object, const char *const *names)
{
	for (; *names; names++) {
		const char *text = json_string_value(json_object_get(object, *names));

		if (!text || !*text)
			continue;
		str_puts(s, text);
		return true;
	}
	return false;
}

static void
chat_fail(struct chat *c, const json_t *error)
{
	const char *text = json_string_value(json_object_get(error, "message"));

	str_cut(c->error, sizeof c->error, text ? text : json_is_string(error) ? json_string_value(error)
		: "it ended with an error that has no message");
}

static void
chat_event(struct chat *c, const char *data, size_t n)
{
	static const char *const says[] = {"content", "text", NULL};
	static const char *const thinks[] = {"reasoning_content", "reasoning", NULL};
	json_t *root = json_loadb(data, n, 0, NULL);
	json_t *choice = json_array_get(json_object_get(root, "choices"), 0);
	json_t *delta = json_object_get(choice, "delta"), *error = json_object_get(root, "error");
	json_t *tokens = json_object_get(json_object_get(root, "usage"), "completion_tokens");
	const char *reason = json_string_value(json_object_get(choice, "finish_reason"));
	bool any;

	if (error && !json_is_null(error))
		chat_fail(c, error);
	any = chat_add(&c->thought, delta, thinks);
	any |= chat_add(&c->text, delta ? delta : choice, says);
	c->pieces += any;
	if (json_is_integer(tokens) && json_integer_value(tokens) > 0)
		c->tokens = json_integer_value(tokens);
	c->cut |= reason && strcmp(reason, "length") == 0;
	json_decref(root);
}

static void
chat_line(struct chat *c)
{
	const char *s = str_text(&c->line);
	size_t n = c->line.len;

	while (n && (s[n - 1] == '\r' || s[n - 1] == ' '))
		n--;
	if (n < 5 || strncmp(s, "data:", 5) != 0)
		return;
	s += 5;
	n -= 5;
	while (n && *s == ' ') {
		s++;
		n--;
	}
	if (n == 6 && strncmp(s, "[DONE]", 6) == 0)
		c->ended = true;
	else
		chat_event(c, s, n);
}

void
chat_take(struct chat *c, const char *bytes, size_t n)
{
	str_reset(&c->text);
	str_reset(&c->thought);
	while (n && !c->ended) {
		const char *end = memchr(bytes, '\n', n);
		size_t len = end ? (size_t)(end - bytes) : n;

		if (c->line.len + len > LINE_MAX_BYTES) {
			str_cut(c->error, sizeof c->error, "it sends an event that is too long");
			c->ended = true;
			return;
		}
		str_add(&c->line, bytes, len);
		if (!end)
			return;
		chat_line(c);
		str_reset(&c->line);
		bytes += len + 1;
		n -= len + 1;
	}
}

void
chat_release(struct chat *c)
{
	str_release(&c->line);
	str_release(&c->text);
	str_release(&c->thought);
}

static const char *
chat_text(struct arena *a, json_t *root, long long max_tokens)
{
	const char *body;
	char *text;

	json_object_set_new(root, "stream", json_true());
	json_object_set_new(root, "stream_options", json_pack("{s:b}", "include_usage", 1));
	if (max_tokens)
		json_object_set_new(root, "max_tokens", json_integer(max_tokens));
	text = json_dumps(root, JSON_COMPACT);
	body = arena_strdup(a, text);
	free(text);
	json_decref(root);
	return body;
}

const char *
chat_completion_body(struct arena *a, const char *model, const char *system, const char *prompt,
		     long long max_tokens)
{
	const char *all = system ? arena_printf(a, "%s\n\n%s", system, prompt) : prompt;

	return chat_text(a, json_pack("{s:o, s:o}", "model", json_shown(model), "prompt", json_shown(all)),
			 max_tokens);
}

const char *
chat_body(struct arena *a, const char *model, const char *system, const char *prompt, long long max_tokens)
{
	json_t *messages = json_array();

	if (system)
		json_array_append_new(messages, json_pack("{s:s, s:o}", "role", "system", "content",
							  json_shown(system)));
	json_array_append_new(messages, json_pack("{s:s, s:o}", "role", "user", "content", json_shown(prompt)));
	return chat_text(a, json_pack("{s:o, s:o}", "model", json_shown(model), "messages", messages),
			 max_tokens);
}
