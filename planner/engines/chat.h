#ifndef PLANNER_CHAT_H
#define PLANNER_CHAT_H

#include "planner/base/arena.h"
#include "planner/base/str.h"

/*
 * An answer of OpenAI's chat completions that comes as a stream of events, "data: JSON" on a
 * line each. What it says is a stranger's: lines and texts are bounded. Pure.
 */
struct chat {
	struct str line;                /* that is not whole yet */
	struct str text, thought;       /* what is new of the answer, and of what comes before it */
	long long pieces;               /* that had some text */
	long long tokens;               /* as the engine counts them; 0: not said */
	bool cut;                       /* it ended at the number of tokens that was asked for */
	bool ended;                     /* "[DONE]" came */
	char error[304];                /* the engine's, or "" */
};

/* Take more bytes of the stream; text and thought are then what is new. */
void chat_take(struct chat *, const char *bytes, size_t n);
void chat_release(struct chat *);

/* The body that asks for it. system NULL: none; max_tokens 0: as the engine has it. */
const char *chat_body(struct arena *, const char *model, const char *system, const char *prompt,
		      long long max_tokens);
/* The same of a model that completes text but does not chat. */
const char *chat_completion_body(struct arena *, const char *model, const char *system,
				 const char *prompt, long long max_tokens);

#endif
