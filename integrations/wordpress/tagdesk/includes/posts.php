<?php
/** What is kept with a post. */

namespace Tagdesk;

use WP_Post;

defined('ABSPATH') || exit;

/** What is known of a post; see note(). */
const NOTE = '_tagdesk';
/** When tagging a post failed last; the post waits for another try. */
const RETRY = '_tagdesk_retry';
/** The id of a correction that is not delivered yet. */
const FEEDBACK = '_tagdesk_feedback';
/** Why the service refused a correction, which an editor sends again or discards. */
const REFUSED = '_tagdesk_refused';

/** At most so many posts are looked up at once. */
const MOST_WAITING = 200;

function is_ours($post): bool
{
    return $post instanceof WP_Post && in_array($post->post_type, post_types(), true);
}

/** The types of posts that are tagged; a site's own code may name others. */
function post_types(): array
{
    return (array) apply_filters('tagdesk_post_types', ['post']);
}

/**
 * What is known of a post.
 *
 * `model` tagged it and gave the topics `given`, whose terms are of `taxonomy`. `choice` are the topics on it when we
 * last looked, `away` those that were taken away, by whomever. `error` is why it could not be tagged.
 * Of the `verdicts`, `yes` and `no` are the topics that editors judged, `given` those that a model had given by then;
 * `model` and `editor` are those of the last verdict.
 */
function note(int $post): array
{
    $note = get_post_meta($post, NOTE, true);
    $verdicts = ['yes' => [], 'no' => [], 'given' => [], 'model' => '', 'editor' => null];
    $empty = ['model' => '', 'taxonomy' => '', 'given' => [], 'choice' => [], 'away' => [],
        'verdicts' => $verdicts, 'error' => ''];
    return array_merge($empty, is_array($note) ? $note : []);
}

function keep_note(int $post, array $note): void
{
    update_post_meta($post, NOTE, wp_slash($note));
}

/** The ids of published posts with a mark, those that failed longest ago first. */
function waiting(string $mark): array
{
    return marked_posts($mark, 'publish');
}

function marked_posts(string $mark, string $status): array
{
    return get_posts(['post_type' => post_types(), 'post_status' => $status, 'fields' => 'ids',
        'posts_per_page' => MOST_WAITING, 'meta_key' => $mark, 'orderby' => 'meta_value', 'order' => 'ASC']);
}
