<?php
/** What WP-Cron does: tag the posts that wait, deliver the corrections that wait. */

namespace Tagdesk;

use WP_Post;

defined('ABSPATH') || exit;

// WP-Cron's own lock lasts 60 seconds: a run and the last request in it stay below.
const RUN_SECONDS = 40.0;
const PATIENCE = 15.0;

function add_schedule(array $schedules): array
{
    return $schedules + [
        'tagdesk' => ['interval' => 5 * MINUTE_IN_SECONDS, 'display' => __('Every five minutes', 'tagdesk')],
    ];
}

function arrive(): void
{
    if (!wp_next_scheduled('tagdesk_work')) {
        wp_schedule_event(time(), 'tagdesk', 'tagdesk_work');
    }
}

function leave(): void
{
    wp_clear_scheduled_hook('tagdesk_work');
    wp_clear_scheduled_hook('tagdesk_soon');
}

/** Let WP-Cron work at the next visit to the site, not in five minutes. What fails then waits for its usual turn. */
function work_soon(): void
{
    wp_schedule_single_event(time(), 'tagdesk_soon');
}

function work(): void
{
    $until = microtime(true) + RUN_SECONDS;
    $kept = get_option(TOPICS);
    if (!is_array($kept) || $kept['at'] < time() - HOUR_IN_SECONDS) {
        fetch_topics(PATIENCE);
    }
    catch_up(waiting(RETRY), __NAMESPACE__ . '\tag_post', PATIENCE, $until);
    catch_up(waiting(FEEDBACK), __NAMESPACE__ . '\send_correction', PATIENCE, $until);
}

/**
 * Do it for each post until the service fails or the time is over.
 *
 * @return int[] How many are done, are refused, and wait.
 */
function catch_up(array $ids, callable $do, float $limit, float $until): array
{
    $count = ['done' => 0, 'refused' => 0, 'waiting' => count($ids)];
    foreach ($ids as $id) {
        if (microtime(true) > $until) {
            work_soon();
            break;
        }
        $post = get_post($id);
        $result = $post instanceof WP_Post ? $do($post, $limit) : true;
        if (is_wp_error($result) && 'failed' === $result->get_error_code()) {
            break;
        }
        $count[is_wp_error($result) ? 'refused' : 'done']++;
        $count['waiting']--;
    }
    return $count;
}
