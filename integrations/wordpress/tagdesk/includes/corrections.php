<?php
/** Corrections: WP-Cron delivers them, so that no save waits and none is lost while the service is away. */

namespace Tagdesk;

use WP_Post;

defined('ABSPATH') || exit;

/** Let a post's verdicts wait for WP-Cron; they take the place of those that wait or were refused before. */
function queue_correction(int $post): void
{
    update_post_meta($post, FEEDBACK, wp_generate_uuid4());
    delete_post_meta($post, REFUSED);
    work_soon();
}

/**
 * Send a post's verdicts, all that stand: the newest correction of an article counts, whole.
 *
 * @return true|\WP_Error
 */
function send_correction(WP_Post $post, float $limit)
{
    $id = (string) get_post_meta($post->ID, FEEDBACK, true);
    if ('' === $id) {
        return true; // somebody else sent it meanwhile
    }
    $note = note($post->ID);
    $editor = $note['verdicts']['editor'];
    $sent = ask('/v1/feedback', [
        'id' => $id,
        'article' => article($post),
        'model' => $note['verdicts']['model'] ?: $note['model'],
    ] + standing($post) + ($editor ? ['editor' => $editor] : []), $limit);
    if (is_wp_error($sent) && 'failed' === $sent->get_error_code()) {
        return $sent;
    }
    // False where an editor judged again meanwhile: that correction waits, and what became of this one is history.
    $is_newest = delete_post_meta($post->ID, FEEDBACK, $id);
    if (is_wp_error($sent)) {
        error_log("tagdesk: correction of post {$post->ID} refused: " . $sent->get_error_message());
    }
    if ($is_newest && is_wp_error($sent)) {
        update_post_meta($post->ID, REFUSED, wp_slash(['reason' => $sent->get_error_message(), 'at' => time()]));
    } elseif ($is_newest) {
        delete_post_meta($post->ID, REFUSED);
    }
    return is_wp_error($sent) ? $sent : true;
}

/** Drop a refused correction with its verdicts. What was taken away stays away. */
function discard_correction(int $post): void
{
    $note = note($post);
    $note['away'] = array_values(array_unique(array_merge($note['away'], $note['verdicts']['no'])));
    $note['verdicts']['yes'] = $note['verdicts']['no'] = [];
    keep_note($post, $note);
    delete_post_meta($post, REFUSED);
}
