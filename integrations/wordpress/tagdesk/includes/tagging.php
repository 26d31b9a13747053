<?php
/** Posts are tagged when they are published. */

namespace Tagdesk;

use WP_Error;
use WP_Post;

defined('ABSPATH') || exit;

/** After a save, its terms too: note what terms are gone, and tag what is published now. */
function saved(int $id, $post, bool $update, $before): void
{
    if (!is_ours($post)) {
        return;
    }
    try {
        look($post);
        $was_published = $before instanceof WP_Post && 'publish' === $before->post_status;
        if ('publish' === $post->post_status && !$was_published) {
            tag_within_limit($post);
        }
    } catch (\Throwable $error) {
        error_log(sprintf('tagdesk: post %d: %s in line %d', $id, get_class($error), $error->getLine()));
    }
}

/** Note the topics of a tagged post. What is gone, whoever took it away, is not put back; it is no verdict. */
function look(WP_Post $post): void
{
    $note = note($post->ID);
    if ('' === $note['model']) {
        return;
    }
    $now = topics_on($post->ID, $note['taxonomy']);
    // A term that was deleted from the site was not taken from this post.
    $gone = array_filter(array_diff($note['choice'], $now), function (string $topic) use ($note): bool {
        $name = known_topics()[$topic] ?? $note['given'][$topic]['name'] ?? $topic;
        return 0 !== find_term($topic, $name, $note['taxonomy']);
    });
    $note['choice'] = $now;
    $note['away'] = array_values(array_diff(array_unique(array_merge($note['away'], $gone)), $now));
    keep_note($post->ID, $note);
}

/** Tag a post that is being published; all that one request publishes shares one time limit. */
function tag_within_limit(WP_Post $post): void
{
    static $waited = 0.0;
    // Until it is tagged, should PHP die meanwhile.
    failed($post->ID, new WP_Error('failed', __('publishing broke off', 'tagdesk')));
    $left = settings()['limit'] - $waited;
    $begin = microtime(true);
    $tagged = $left > 0.01
        ? tag_post($post, $left)
        : failed($post->ID, new WP_Error('failed', __('too many posts were published at once', 'tagdesk')));
    $waited += microtime(true) - $begin;
    if (is_wp_error($tagged)) {
        error_log("tagdesk: post {$post->ID} not tagged: " . $tagged->get_error_message());
        work_soon();
    }
}

/**
 * Tag a post: apply the topics of the chosen bands but those that were taken away.
 *
 * @return true|WP_Error
 */
function tag_post(WP_Post $post, float $limit)
{
    $answer = ask('/v1/tag', article($post), $limit);
    $given = is_wp_error($answer) ? $answer : given($answer);
    if (is_wp_error($given)) {
        return failed($post->ID, $given);
    }
    add_to_known($given);
    $note = note($post->ID);
    $is_first = '' === $note['model'];
    $taxonomy = settings()['taxonomy'];
    $wanted = array_filter($given, function (array $topic): bool {
        return in_array($topic['band'], applied_bands(), true);
    });
    $withheld = array_merge($note['away'], $note['verdicts']['no'], topics_on($post->ID, $taxonomy));
    apply_topics($post->ID, $taxonomy, array_diff_key($wanted, array_flip($withheld)));
    $note = array_merge($note, ['model' => short($answer['model']), 'taxonomy' => $taxonomy, 'given' => $given,
        'choice' => topics_on($post->ID, $taxonomy), 'error' => '']);
    keep_note($post->ID, $note);
    delete_post_meta($post->ID, RETRY);
    if ($is_first && ($note['verdicts']['yes'] || $note['verdicts']['no'])) {
        queue_correction($post->ID); // verdicts of before it was published
    }
    return true;
}

/** Note why a post could not be tagged, and let it wait for another try where that is of use. */
function failed(int $post, WP_Error $error): WP_Error
{
    $note = note($post);
    $note['error'] = $error->get_error_message();
    keep_note($post, $note);
    if ('refused' === $error->get_error_code()) {
        delete_post_meta($post, RETRY);
    } else {
        update_post_meta($post, RETRY, sprintf('%.4f', microtime(true)));
    }
    return $error;
}
