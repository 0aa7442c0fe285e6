#ifndef PLANNER_CHAT_H
#define PLANNER_CHAT_H

#include "planner/base/arena.h"
#include "planner/base/str.h"

/*
 * An answer of OpenAI's chat completions that comes as a stream of events, each "data: JSON" on a
 * line. It comes from a stranger: lines and texts are bounded. Pure.
 */
struct chat {
	struct str line;                /* the last line, if its end has not come yet */
	struct str text, thought;       /* what the last bytes added to the answer and to the thoughts
					 * before it */
	long long pieces;               /* events that had some text */
	long long tokens;               /* as the engine counts them; 0: it did not say */
	bool cut;                       /* it ended at the number of tokens that was asked for */
	bool ended;                     /* "[DONE]" came */
	char error[304];                /* the engine's, or "" */
};

/* Takes more bytes of the stream and sets text and thought. */
void chat_take(struct chat *, const char *bytes, size_t n);
void chat_release(struct chat *);

/* The body of a request. system NULL: none; max_tokens 0: the engine's default. */
const char *chat_body(struct arena *, const char *model, const char *system, const char *prompt,
		      long long max_tokens);
/* The same for a model that completes text but does not chat. */
const char *chat_completion_body(struct arena *, const char *model, const char *system,
				 const char *prompt, long long max_tokens);

#endif
