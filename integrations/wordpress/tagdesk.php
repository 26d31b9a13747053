<?php
/**
 * Plugin Name: Tagdesk
 * Description: Tags posts with their topics when they are published, suggests topics in the editor with the words that
 *              speak for them, and sends back what editors change.
 * Version: 0.1.0
 * Requires at least: 5.9
 * Requires PHP: 7.4
 * License: MIT
 */

namespace Tagdesk;

use WP_Error;
use WP_Post;

defined('ABSPATH') || exit;

/** What is known of a post: the model's topics, those applied, those on it when we last looked, those taken away. */
const NOTE = '_tagdesk';
/** When tagging a post failed last; the post waits for another try. */
const RETRY = '_tagdesk_retry';
/** The id of a correction that is not delivered yet. */
const FEEDBACK = '_tagdesk_feedback';
/** On a term: the id of the topic that it stands for, whatever the newsroom calls it. */
const TOPIC = 'tagdesk_topic';

const OPTION = 'tagdesk';
const TOPICS = 'tagdesk_topics';
const MAX_ANSWER = 1000000;
const MAX_HTML = 262144;
const MAX_EXPLAINED = 45000;
// WP-Cron's own lock lasts 60 seconds: a run and the last request in it stay below.
const RUN_SECONDS = 40.0;
const BULK_SECONDS = 20.0;
const PATIENCE = 15.0;

// ---------------------------------------------------------------------------------------------------- settings

/** The settings; TAGDESK_URL and TAGDESK_KEY of wp-config.php go first. */
function settings(): array
{
    $stored = get_option(OPTION);
    $settings = array_merge(
        ['url' => 'http://127.0.0.1:8080', 'key' => '', 'taxonomy' => 'post_tag', 'bands' => 'auto', 'limit' => 2.0],
        is_array($stored) ? $stored : []
    );
    $settings['url'] = defined('TAGDESK_URL') ? TAGDESK_URL : $settings['url'];
    $settings['key'] = defined('TAGDESK_KEY') ? TAGDESK_KEY : $settings['key'];
    return $settings;
}

/** The bands whose topics are applied unseen. */
function applied_bands(): array
{
    return ['none' => [], 'auto' => ['auto'], 'all' => ['auto', 'suggest']][settings()['bands']];
}

/** What the form sent, as it is stored: each field valid, an empty key the one that was there. */
function clean_settings($sent): array
{
    $sent = is_array($sent) ? $sent : [];
    $before = array_merge(['url' => 'http://127.0.0.1:8080', 'key' => ''], (array) get_option(OPTION, []));
    $url = untrailingslashit(esc_url_raw(trim((string) ($sent['url'] ?? '')), ['http', 'https']));
    $key = preg_replace('/[^\x21-\x7e]/', '', (string) ($sent['key'] ?? ''));
    return [
        'url' => $url ?: $before['url'],
        'key' => empty($sent['forget']) ? ($key ?: $before['key']) : '',
        'taxonomy' => 'category' === ($sent['taxonomy'] ?? '') ? 'category' : 'post_tag',
        'bands' => in_array($sent['bands'] ?? '', ['none', 'auto', 'all'], true) ? $sent['bands'] : 'auto',
        'limit' => min(10.0, max(0.2, (float) ($sent['limit'] ?? 2.0))),
    ];
}

function add_settings(): void
{
    register_setting(OPTION, OPTION, ['type' => 'array', 'sanitize_callback' => __NAMESPACE__ . '\clean_settings']);
}

function add_page(): void
{
    add_options_page('Tagdesk', 'Tagdesk', 'manage_options', 'tagdesk', __NAMESPACE__ . '\page');
}

function page(): void
{
    if (!current_user_can('manage_options')) {
        return;
    }
    $settings = settings();
    $choices = function (string $name, array $choices) use ($settings): void {
        echo '<select name="' . esc_attr(OPTION . "[$name]") . '" id="tagdesk-' . esc_attr($name) . '">';
        foreach ($choices as $value => $label) {
            echo '<option value="' . esc_attr($value) . '"' . selected($settings[$name], $value, false) . '>'
                . esc_html($label) . '</option>';
        }
        echo '</select>';
    };
    ?>
    <div class="wrap">
    <h1>Tagdesk</h1>
    <p id="tagdesk-status"><?php echo esc_html(status()); ?></p>
    <form method="post" action="options.php">
    <?php settings_fields(OPTION); ?>
    <table class="form-table" role="presentation">
    <tr><th><label for="tagdesk-url">Address</label></th><td>
        <input class="regular-text" type="url" id="tagdesk-url" name="tagdesk[url]" required
            value="<?php echo esc_attr($settings['url']); ?>" <?php disabled(defined('TAGDESK_URL')); ?>>
        <p class="description"><?php echo esc_html(
            defined('TAGDESK_URL') ? 'Set in wp-config.php.' : 'Of the service, such as http://127.0.0.1:8080'
        ); ?></p></td></tr>
    <tr><th><label for="tagdesk-key">Key</label></th><td>
        <input class="regular-text" type="password" id="tagdesk-key" name="tagdesk[key]" value="" autocomplete="off"
            <?php disabled(defined('TAGDESK_KEY')); ?>>
        <?php if (defined('TAGDESK_KEY')) : ?>
            <p class="description">Set in wp-config.php.</p>
        <?php else : ?>
            <p class="description"><?php echo esc_html(
                $settings['key'] ? 'One is stored; leave empty to keep it.' : 'Of scopes tag and feedback; none is stored.'
            ); ?></p>
            <?php if ($settings['key']) : ?>
                <label><input type="checkbox" name="tagdesk[forget]" value="1"> Forget it</label>
            <?php endif; ?>
        <?php endif; ?></td></tr>
    <tr><th><label for="tagdesk-taxonomy">Topics become</label></th><td>
        <?php $choices('taxonomy', ['post_tag' => 'tags', 'category' => 'categories']); ?></td></tr>
    <tr><th><label for="tagdesk-bands">Apply on publish</label></th><td>
        <?php $choices('bands', [
            'auto' => 'what is safe unseen (auto)',
            'all' => 'suggestions too (auto and suggest)',
            'none' => 'nothing: editors choose',
        ]); ?></td></tr>
    <tr><th><label for="tagdesk-limit">Time limit</label></th><td>
        <input type="number" id="tagdesk-limit" name="tagdesk[limit]" min="0.2" max="10" step="0.1"
            value="<?php echo esc_attr($settings['limit']); ?>"> seconds
        <p class="description">The longest that publishing waits. WP-Cron tags what it misses.</p>
        </td></tr>
    </table>
    <?php submit_button(); ?>
    </form>
    </div>
    <?php
}

/** One sentence on how the service does, and what waits for it. */
function status(): string
{
    $topics = fetch_topics(settings()['limit']);
    $waiting = count(waiting(RETRY)) + count(waiting(FEEDBACK));
    $state = is_wp_error($topics)
        ? 'Tagdesk cannot be used: ' . $topics->get_error_message() . '.'
        : sprintf('Tagdesk answers, with %d topics.', count($topics));
    $many = $waiting < 200 ? '' : ' or more';
    return $waiting ? "$state Posts and corrections that wait for it: $waiting$many." : $state;
}

// ------------------------------------------------------------------------------------------------------ asking

/**
 * Ask the service.
 *
 * @param array|null $body What to post; null makes it a GET.
 * @param float $limit Seconds in all: name, connection, sending, waiting, receiving.
 * @return array|WP_Error `refused` where another try is no use, else `failed`.
 */
function ask(string $path, ?array $body, float $limit)
{
    if (!function_exists('curl_init')) {
        return new WP_Error('failed', 'PHP has no curl, without which no time limit holds: install php-curl');
    }
    $settings = settings();
    $headers = ['Accept' => 'application/json'];
    $headers += $settings['key'] ? ['Authorization' => 'Bearer ' . $settings['key']] : [];
    $headers += null === $body ? [] : ['Content-Type' => 'application/json'];
    // WordPress rounds a limit below a second up, and asks twice where an answer's compression is broken.
    $strict = function ($handle) use ($limit): void {
        curl_setopt($handle, CURLOPT_NOSIGNAL, true);
        curl_setopt($handle, CURLOPT_TIMEOUT_MS, max(1, (int) ($limit * 1000)));
        curl_setopt($handle, CURLOPT_CONNECTTIMEOUT_MS, max(1, (int) ($limit * 1000)));
        curl_setopt($handle, CURLOPT_ENCODING, null);
    };
    add_action('http_api_curl', $strict, PHP_INT_MAX);
    try {
        $reply = wp_remote_request($settings['url'] . $path, [
            'method' => null === $body ? 'GET' : 'POST',
            'headers' => $headers,
            'body' => null === $body ? null : wp_json_encode($body, JSON_INVALID_UTF8_SUBSTITUTE),
            'timeout' => $limit,
            'redirection' => 0,
            'limit_response_size' => MAX_ANSWER,
        ]);
    } finally {
        remove_action('http_api_curl', $strict, PHP_INT_MAX);
    }
    return read_reply($reply);
}

/** @return array|WP_Error */
function read_reply($reply)
{
    if (is_wp_error($reply)) {
        return new WP_Error('failed', 'no answer, ' . short($reply->get_error_message()));
    }
    $status = (int) wp_remote_retrieve_response_code($reply);
    $type = (string) wp_remote_retrieve_header($reply, 'content-type');
    $value = json_decode(wp_remote_retrieve_body($reply), true, 32);
    if (in_array($status, [200, 202], true)) {
        $nonsense = new WP_Error('failed', "it answered $status without JSON: is this its address?");
        return is_array($value) ? $value : $nonsense;
    }
    $is_problem = 0 === strpos($type, 'application/problem+json') && is_string($value['detail'] ?? null);
    $reason = "it answered $status" . ($is_problem ? ', ' . short($value['detail']) : '');
    // The rest, a wrong key and a wrong address too, may be put right without the post.
    $final = $is_problem && in_array($status, [400, 409, 413, 422], true);
    return new WP_Error($final ? 'refused' : 'failed', rtrim($reason, '.'));
}

function short(string $text): string
{
    return mb_substr(sanitize_text_field($text), 0, 200);
}

/** A post as an article. */
function article(WP_Post $post, ?string $title = null, ?string $content = null): array
{
    $title = wp_strip_all_tags(html_entity_decode($title ?? $post->post_title, ENT_QUOTES | ENT_HTML5, 'UTF-8'));
    $html = strip_shortcodes($content ?? $post->post_content);
    $body = mb_strlen($html) > MAX_HTML
        ? ['body' => mb_substr(wp_strip_all_tags($html), 0, 1000000)]
        : ['body_html' => $html];
    $url = 'publish' === $post->post_status ? ['url' => (string) get_permalink($post)] : [];
    return ['id' => article_id($post), 'title' => mb_substr($title, 0, 10000)] + $body + $url;
}

/** The post's name among the articles of all sites that share a service. */
function article_id(WP_Post $post): string
{
    return substr(preg_replace('#^https?://#', '', home_url('/')), 0, 230) . "?p={$post->ID}";
}

/**
 * The topics of an answer by their ids, most likely first.
 *
 * @return array|WP_Error
 */
function given(array $answer)
{
    $nonsense = new WP_Error('failed', 'it answered what is no answer of Tagdesk: is this its address?');
    if (!is_string($answer['model'] ?? null) || !is_array($answer['topics'] ?? null)) {
        return $nonsense;
    }
    $given = [];
    foreach ($answer['topics'] as $topic) {
        $name = is_string($topic['name'] ?? null) ? trim(mb_substr(wp_strip_all_tags($topic['name']), 0, 190)) : '';
        $is_topic = is_string($topic['id'] ?? null) && preg_match('/^[a-z0-9][a-z0-9._-]{0,63}$/D', $topic['id'])
            && in_array($topic['band'] ?? null, ['auto', 'suggest'], true) && is_numeric($topic['confidence'] ?? null);
        if (!$is_topic || '' === $name) {
            return $nonsense;
        }
        $confidence = (float) $topic['confidence'];
        $given[$topic['id']] = ['name' => $name, 'band' => $topic['band'], 'confidence' => $confidence];
    }
    return $given;
}

// ------------------------------------------------------------------------------------------------------- terms

/**
 * Ask for all topics, and keep their names.
 *
 * @return array|WP_Error Names by the ids of topics.
 */
function fetch_topics(float $limit)
{
    $answer = ask('/v1/topics', null, $limit);
    if (is_wp_error($answer)) {
        return $answer;
    }
    $topics = is_array($answer['topics'] ?? null) ? $answer['topics'] : [];
    $names = array_filter(array_column($topics, 'name', 'id'), 'is_string');
    if (!$names) {
        return new WP_Error('failed', 'it answered without topics: is this its address?');
    }
    update_option(TOPICS, ['at' => time(), 'names' => $names], false);
    return $names;
}

/** Names by the ids of all topics, as last fetched; [] where they never were. */
function known_topics(): array
{
    $kept = get_option(TOPICS);
    return is_array($kept) ? $kept['names'] : [];
}

function folded(string $name): string
{
    $text = trim(html_entity_decode($name, ENT_QUOTES | ENT_HTML5, 'UTF-8'));
    return function_exists('mb_strtolower') ? mb_strtolower($text) : strtolower($text);
}

/** The term that stands for a topic: the one that did before, else one of its name; 0 where there is none. */
function find_term(string $topic, string $name, string $taxonomy): int
{
    $marked = get_terms(['taxonomy' => $taxonomy, 'hide_empty' => false, 'fields' => 'ids', 'number' => 1,
        'meta_key' => TOPIC, 'meta_value' => $topic]);
    if (is_array($marked) && $marked) {
        return (int) $marked[0];
    }
    $named = get_term_by('name', $name, $taxonomy);
    return $named ? (int) $named->term_id : 0;
}

/** The term that stands for a topic, made where there is none; 0 where it cannot be. */
function ensure_term(string $topic, string $name, string $taxonomy): int
{
    $term = find_term($topic, $name, $taxonomy);
    if (!$term) {
        $made = wp_insert_term(wp_slash($name), $taxonomy);
        $term = (int) (is_wp_error($made) ? $made->get_error_data('term_exists') : $made['term_id']);
    }
    if ($term) {
        update_term_meta($term, TOPIC, $topic);
    }
    return $term;
}

/** The ids of the topics whose terms a post has. */
function topics_on(int $post, string $taxonomy, array $given): array
{
    $names = array_flip(array_map(__NAMESPACE__ . '\folded', array_merge(known_topics(), array_map(
        function (array $topic): string {
            return $topic['name'];
        },
        $given
    ))));
    $terms = wp_get_object_terms($post, $taxonomy);
    $topics = [];
    foreach (is_array($terms) ? $terms : [] as $term) {
        $topics[] = (string) (get_term_meta($term->term_id, TOPIC, true) ?: $names[folded($term->name)] ?? '');
    }
    return array_map('strval', array_values(array_unique(array_filter($topics)))); // PHP makes a number of a key "7"
}

/** Give a post the terms of topics. */
function apply_topics(int $post, string $taxonomy, array $topics): void
{
    $terms = [];
    foreach ($topics as $id => $topic) {
        $terms[] = ensure_term($id, $topic['name'], $taxonomy);
    }
    $terms = array_filter($terms);
    if (!$terms) {
        return;
    }
    $there = wp_get_object_terms($post, $taxonomy, ['fields' => 'ids']);
    $none_chosen = 'category' === $taxonomy && [(int) get_option('default_category')] === $there;
    wp_set_object_terms($post, array_values($terms), $taxonomy, !$none_chosen);
    clean_post_cache($post); // page caches listen to it
}

// ----------------------------------------------------------------------------------------------------- tagging

function is_ours($post): bool
{
    return $post instanceof WP_Post && in_array($post->post_type, post_types(), true);
}

/** The types of posts that are tagged; a site's own code may name others. */
function post_types(): array
{
    return (array) apply_filters('tagdesk_post_types', ['post']);
}

function note(int $post): array
{
    $note = get_post_meta($post, NOTE, true);
    $empty = ['model' => '', 'taxonomy' => '', 'given' => [], 'choice' => [], 'rejected' => [],
        'by_editor' => false, 'editor' => null, 'error' => ''];
    return array_merge($empty, is_array($note) ? $note : []);
}

function keep_note(int $post, array $note): void
{
    update_post_meta($post, NOTE, wp_slash($note));
}

/** After a save, its terms too: tag what is published now, look at what was changed in what is published. */
function saved(int $id, $post, bool $update, $before): void
{
    if (!is_ours($post) || 'publish' !== $post->post_status) {
        return;
    }
    try {
        if ($before instanceof WP_Post && 'publish' === $before->post_status) {
            look_at_choice($post);
        } else {
            tag_within_limit($post);
        }
    } catch (\Throwable $error) {
        error_log(sprintf('tagdesk: post %d: %s in line %d', $id, get_class($error), $error->getLine()));
    }
}

/** Tag a post that is being published; all that one request publishes shares one time limit. */
function tag_within_limit(WP_Post $post): void
{
    static $waited = 0.0;
    $note = note($post->ID);
    $note['by_editor'] = true;
    keep_note($post->ID, $note);
    failed($post->ID, new WP_Error('failed', 'publishing broke off')); // until it is tagged, should PHP die meanwhile
    $left = settings()['limit'] - $waited;
    $begin = microtime(true);
    $tagged = $left > 0.01
        ? tag_post($post, $left)
        : failed($post->ID, new WP_Error('failed', 'too many posts were published at once'));
    $waited += microtime(true) - $begin;
    if (is_wp_error($tagged)) {
        error_log("tagdesk: post {$post->ID} not tagged: " . $tagged->get_error_message());
        work_soon();
    }
}

/**
 * Tag a post: apply the topics of the chosen bands but those that an editor took away.
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
    $note = note($post->ID);
    $taxonomy = settings()['taxonomy'];
    $known = $taxonomy === $note['taxonomy'] ? $note['choice'] : [];
    $before = topics_on($post->ID, $taxonomy, $given);
    $wanted = array_filter($given, function (array $topic): bool {
        return in_array($topic['band'], applied_bands(), true);
    });
    apply_topics($post->ID, $taxonomy, array_diff_key($wanted, array_flip($note['rejected']), array_flip($before)));
    $by_editor = $note['by_editor'] && array_diff($before, $known);
    $note = array_merge($note, ['model' => short($answer['model']), 'taxonomy' => $taxonomy, 'given' => $given,
        'choice' => topics_on($post->ID, $taxonomy, $given), 'by_editor' => false, 'error' => '']);
    keep_note($post->ID, $note);
    delete_post_meta($post->ID, RETRY);
    if ($by_editor) {
        queue_feedback($post->ID);
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

/** Let WP-Cron work at the next visit to the site, not in five minutes. What fails then waits for its usual turn. */
function work_soon(): void
{
    wp_schedule_single_event(time(), 'tagdesk_soon');
}

/** The ids of at most 200 published posts with a mark, those that failed longest ago first. */
function waiting(string $mark): array
{
    return get_posts(['post_type' => post_types(), 'post_status' => 'publish', 'fields' => 'ids',
        'posts_per_page' => 200, 'meta_key' => $mark, 'orderby' => 'meta_value', 'order' => 'ASC']);
}

/** What WP-Cron does: deliver the corrections that wait, tag the posts that wait. */
function work(): void
{
    $until = microtime(true) + RUN_SECONDS;
    $kept = get_option(TOPICS);
    if (!is_array($kept) || $kept['at'] < time() - HOUR_IN_SECONDS) {
        fetch_topics(PATIENCE);
    }
    catch_up(waiting(FEEDBACK), __NAMESPACE__ . '\send_feedback', PATIENCE, $until);
    catch_up(waiting(RETRY), __NAMESPACE__ . '\tag_post', PATIENCE, $until);
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

// ---------------------------------------------------------------------------------------------------- feedback

/** Where an editor changed the topics of a tagged post, remember what he took away, and send his choice back. */
function look_at_choice(WP_Post $post): void
{
    $note = note($post->ID);
    if ('' === $note['model']) {
        return;
    }
    $now = topics_on($post->ID, $note['taxonomy'], $note['given']);
    // A term that was deleted from the site is no verdict on this post.
    $gone = array_filter(array_diff($note['choice'], $now), function (string $topic) use ($note): bool {
        $name = $note['given'][$topic]['name'] ?? known_topics()[$topic] ?? $topic;
        return 0 !== find_term($topic, $name, $note['taxonomy']);
    });
    $is_changed = $gone || array_diff($now, $note['choice']);
    $note['choice'] = $now;
    $note['rejected'] = array_values(array_diff(array_unique(array_merge($note['rejected'], $gone)), $now));
    keep_note($post->ID, $note);
    if ($is_changed) {
        queue_feedback($post->ID);
    }
}

/** Let the editor's choice wait for WP-Cron: no save waits for it, and none is lost while the service is away. */
function queue_feedback(int $post): void
{
    $note = note($post);
    $user = wp_get_current_user();
    $note['editor'] = $user->exists() ? mb_substr('wordpress:' . $user->user_login, 0, 256) : null;
    keep_note($post, $note);
    update_post_meta($post, FEEDBACK, wp_generate_uuid4());
    work_soon();
}

/**
 * Send an editor's choice.
 *
 * @return true|WP_Error
 */
function send_feedback(WP_Post $post, float $limit)
{
    $note = note($post->ID);
    $id = (string) get_post_meta($post->ID, FEEDBACK, true);
    // Topics of a model that is gone are no verdict on the one that answers now.
    $known = known_topics() ?: $note['given'] + array_flip($note['choice']);
    $given = array_map('strval', array_keys(array_intersect_key($note['given'], $known)));
    $choice = array_values(array_intersect($note['choice'], array_keys($known)));
    $sent = ask('/v1/feedback', [
        'id' => $id,
        'article' => article($post),
        'model' => $note['model'],
        'accepted' => array_values(array_intersect($given, $choice)),
        'rejected' => array_values(array_diff($given, $choice)),
        'added' => array_values(array_diff($choice, $given)),
    ] + ($note['editor'] ? ['editor' => $note['editor']] : []), $limit);
    if (is_wp_error($sent) && 'failed' === $sent->get_error_code()) {
        return $sent;
    }
    if (is_wp_error($sent)) {
        error_log("tagdesk: feedback on post {$post->ID} not kept: " . $sent->get_error_message());
    }
    // Another choice may have been made meanwhile: that one still waits.
    delete_post_meta($post->ID, FEEDBACK, $id);
    return is_wp_error($sent) ? $sent : true;
}

// ------------------------------------------------------------------------------------------- the list of posts

function add_bulk_action(array $actions): array
{
    return $actions + ['tagdesk' => 'Tag with Tagdesk'];
}

/** Tag the chosen posts, as many as the time allows; WP-Cron goes on. WordPress has checked the nonce. */
function bulk(string $back, string $action, array $ids): string
{
    if ('tagdesk' !== $action) {
        return $back;
    }
    $ids = array_filter(array_map('intval', $ids), function (int $id): bool {
        return is_ours(get_post($id)) && 'publish' === get_post_status($id) && current_user_can('edit_post', $id);
    });
    foreach ($ids as $id) {
        update_post_meta($id, RETRY, sprintf('%.4f', microtime(true)));
    }
    $count = catch_up($ids, __NAMESPACE__ . '\tag_post', settings()['limit'], microtime(true) + BULK_SECONDS);
    return add_query_arg('tagdesk', implode('-', $count), $back);
}

function show_outcome(): void
{
    $counts = isset($_GET['tagdesk']) ? sanitize_text_field(wp_unslash($_GET['tagdesk'])) : '';
    if (preg_match('/^(\d{1,9})-(\d{1,9})-(\d{1,9})$/D', $counts, $found)) {
        $text = sprintf('Tagdesk: %d tagged, %d refused, %d wait for WP-Cron.', $found[1], $found[2], $found[3]);
        echo '<div class="notice notice-info is-dismissible"><p>' . esc_html($text) . '</p></div>';
    }
}

function show_state(array $states, $post): array
{
    if (!is_ours($post) || '' === note($post->ID)['error']) {
        return $states;
    }
    $waits = '' !== (string) get_post_meta($post->ID, RETRY, true);
    $state = ($waits ? 'waits for Tagdesk: ' : 'not tagged: ') . note($post->ID)['error'];
    return $states + ['tagdesk' => esc_html($state)];
}

// -------------------------------------------------------------------------------------------------- the editor

function add_routes(): void
{
    $may_edit = function ($request) {
        return is_ours(get_post((int) $request['post'])) && current_user_can('edit_post', (int) $request['post']);
    };
    $text = ['type' => 'string', 'required' => true];
    register_rest_route('tagdesk/v1', '/posts/(?P<post>\d+)/suggestions', ['methods' => 'POST',
        'callback' => __NAMESPACE__ . '\suggestions', 'permission_callback' => $may_edit,
        'args' => ['title' => $text, 'content' => $text]]);
    register_rest_route('tagdesk/v1', '/posts/(?P<post>\d+)/terms', ['methods' => 'POST',
        'callback' => __NAMESPACE__ . '\term_for_editor', 'permission_callback' => $may_edit,
        'args' => ['topic' => $text + ['pattern' => '^[a-z0-9][a-z0-9._-]{0,63}$'],
            'name' => $text + ['minLength' => 1, 'maxLength' => 190]]]);
}

/**
 * The topics of a text as it stands in the editor, each with the words that speak for it.
 *
 * @return array|WP_Error
 */
function suggestions($request)
{
    $article = article(get_post((int) $request['post']), $request['title'], $request['content']);
    $is_short = mb_strlen(wp_strip_all_tags($request['content'])) + mb_strlen($request['title']) <= MAX_EXPLAINED;
    $answer = ask('/v1/tag' . ($is_short ? '?explain=true' : ''), $article, settings()['limit']);
    $given = is_wp_error($answer) ? $answer : given($answer);
    if (is_wp_error($given)) {
        $reason = 'Tagdesk cannot be asked: ' . $given->get_error_message() . '.';
        return new WP_Error('tagdesk', $reason, ['status' => 502]);
    }
    $topics = [];
    foreach ($answer['topics'] as $topic) {
        $one = $given[$topic['id']];
        $term = find_term($topic['id'], $one['name'], settings()['taxonomy']);
        // What the newsroom calls it, where it has renamed the term.
        $name = $term ? html_entity_decode(get_term($term)->name, ENT_QUOTES | ENT_HTML5, 'UTF-8') : $one['name'];
        $topics[] = ['id' => $topic['id'], 'name' => $name, 'term' => $term, 'words' => evidence_words($topic)] + $one;
    }
    return ['topics' => $topics];
}

/** The strongest words for a topic, each once. */
function evidence_words(array $topic): array
{
    $words = [];
    foreach (is_array($topic['evidence'] ?? null) ? $topic['evidence'] : [] as $one) {
        if (is_string($one['text'] ?? null) && ($one['weight'] ?? 0) > 0) {
            $words[folded($one['text'])] = short($one['text']);
        }
    }
    return array_slice(array_values($words), 0, 5);
}

/**
 * The term of a topic that an editor takes, made where there is none and he may.
 *
 * @return array|WP_Error
 */
function term_for_editor($request)
{
    $taxonomy = get_taxonomy(settings()['taxonomy']);
    $name = sanitize_text_field($request['name']);
    $is_new = !find_term($request['topic'], $name, $taxonomy->name);
    $needed = $is_new && $taxonomy->hierarchical ? $taxonomy->cap->edit_terms : $taxonomy->cap->assign_terms;
    $term = current_user_can($needed) ? ensure_term($request['topic'], $name, $taxonomy->name) : 0;
    return $term ? ['term' => $term] : new WP_Error('tagdesk', 'You may not make this term.', ['status' => 403]);
}

function add_script(): void
{
    $screen = get_current_screen();
    if (!$screen || 'post' !== $screen->base || !in_array($screen->post_type, post_types(), true)) {
        return;
    }
    $blocks = ['wp-plugins', 'wp-edit-post', 'wp-editor', 'wp-element', 'wp-data'];
    $needs = $screen->is_block_editor() ? $blocks : ['jquery'];
    $needs[] = 'wp-api-fetch';
    wp_enqueue_script('tagdesk', plugins_url('editor.js', __FILE__), $needs, '0.1.0', true);
    $taxonomy = get_taxonomy(settings()['taxonomy']);
    $told = ['taxonomy' => $taxonomy->name, 'attribute' => $taxonomy->rest_base ?: $taxonomy->name,
        'applied' => applied_bands(), 'post' => (int) get_the_ID()];
    wp_add_inline_script('tagdesk', 'const tagdesk = ' . wp_json_encode($told, JSON_HEX_TAG) . ';', 'before');
}

/** In the classic editor; the block editor has a panel. */
function add_box(): void
{
    $box = function (): void {
        echo '<div id="tagdesk-box"></div>';
    };
    add_meta_box('tagdesk', 'Topics', $box, post_types(), 'side', 'default', ['__back_compat_meta_box' => true]);
}

// ------------------------------------------------------------------------------------------ coming and leaving

function add_schedule(array $schedules): array
{
    return $schedules + ['tagdesk' => ['interval' => 5 * MINUTE_IN_SECONDS, 'display' => 'Every five minutes']];
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

/** Take all that is ours out of the database; the terms that posts have stay. */
function uninstall(): void
{
    array_map('delete_option', [OPTION, TOPICS]);
    array_map('delete_post_meta_by_key', [NOTE, RETRY, FEEDBACK]);
    delete_metadata('term', 0, TOPIC, '', true);
}

add_action('wp_after_insert_post', __NAMESPACE__ . '\saved', 20, 4);
add_action('tagdesk_work', __NAMESPACE__ . '\work');
add_action('tagdesk_soon', __NAMESPACE__ . '\work');
add_action('admin_init', __NAMESPACE__ . '\add_settings');
add_action('admin_menu', __NAMESPACE__ . '\add_page');
add_action('admin_notices', __NAMESPACE__ . '\show_outcome');
add_action('admin_enqueue_scripts', __NAMESPACE__ . '\add_script');
add_action('add_meta_boxes', __NAMESPACE__ . '\add_box');
add_action('rest_api_init', __NAMESPACE__ . '\add_routes');
add_filter('cron_schedules', __NAMESPACE__ . '\add_schedule');
add_filter('bulk_actions-edit-post', __NAMESPACE__ . '\add_bulk_action');
add_filter('handle_bulk_actions-edit-post', __NAMESPACE__ . '\bulk', 10, 3);
add_filter('display_post_states', __NAMESPACE__ . '\show_state', 10, 2);
register_activation_hook(__FILE__, __NAMESPACE__ . '\arrive');
register_deactivation_hook(__FILE__, __NAMESPACE__ . '\leave');
register_uninstall_hook(__FILE__, __NAMESPACE__ . '\uninstall');
