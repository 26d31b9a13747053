<?php
/** Settings → Tagdesk. */

namespace Tagdesk;

defined('ABSPATH') || exit;

function add_settings(): void
{
    register_setting(OPTION, OPTION, ['type' => 'array', 'sanitize_callback' => __NAMESPACE__ . '\clean_settings']);
}

function add_settings_page(): void
{
    add_options_page('Tagdesk', 'Tagdesk', 'manage_options', 'tagdesk', __NAMESPACE__ . '\show_settings_page');
}

function show_settings_page(): void
{
    if (!current_user_can('manage_options')) {
        return;
    }
    $settings = settings();
    ?>
    <div class="wrap">
    <h1>Tagdesk</h1>
    <p id="tagdesk-status"><?php echo esc_html(status()); ?></p>
    <form method="post" action="options.php">
    <?php settings_fields(OPTION); ?>
    <table class="form-table" role="presentation">
    <tr><th><label for="tagdesk-url"><?php esc_html_e('Address', 'tagdesk'); ?></label></th><td>
        <input class="regular-text" type="url" id="tagdesk-url" name="tagdesk[url]" required
            value="<?php echo esc_attr($settings['url']); ?>" <?php disabled(defined('TAGDESK_URL')); ?>>
        <p class="description"><?php defined('TAGDESK_URL')
            ? esc_html_e('Set in wp-config.php.', 'tagdesk')
            : esc_html_e('Of the service, such as http://127.0.0.1:8080', 'tagdesk'); ?></p></td></tr>
    <tr><th><label for="tagdesk-key"><?php esc_html_e('Key', 'tagdesk'); ?></label></th>
        <td><?php show_key_field($settings['key']); ?></td></tr>
    <tr><th><label for="tagdesk-taxonomy"><?php esc_html_e('Topics become', 'tagdesk'); ?></label></th><td>
        <?php show_choices('taxonomy', $settings['taxonomy'], [
            'post_tag' => __('tags', 'tagdesk'),
            'category' => __('categories', 'tagdesk'),
        ]); ?></td></tr>
    <tr><th><label for="tagdesk-bands"><?php esc_html_e('Apply on publish', 'tagdesk'); ?></label></th><td>
        <?php show_choices('bands', $settings['bands'], [
            'auto' => __('what is safe unseen (auto)', 'tagdesk'),
            'all' => __('suggestions too (auto and suggest)', 'tagdesk'),
            'none' => __('nothing: editors choose', 'tagdesk'),
        ]); ?></td></tr>
    <tr><th><label for="tagdesk-limit"><?php esc_html_e('Time limit in seconds', 'tagdesk'); ?></label></th><td>
        <input type="number" id="tagdesk-limit" name="tagdesk[limit]" min="0.2" max="10" step="0.1"
            value="<?php echo esc_attr($settings['limit']); ?>">
        <p class="description"><?php
            esc_html_e('The longest that publishing waits. WP-Cron tags what it misses.', 'tagdesk'); ?></p></td></tr>
    </table>
    <?php submit_button(); ?>
    </form>
    </div>
    <?php
}

/** The field of the key, which is never shown again. */
function show_key_field(string $key): void
{
    $is_fixed = defined('TAGDESK_KEY');
    echo '<input class="regular-text" type="password" id="tagdesk-key" name="tagdesk[key]" value=""',
        ' autocomplete="off" ', disabled($is_fixed, true, false), '>';
    if ($is_fixed) {
        $hint = __('Set in wp-config.php.', 'tagdesk');
    } elseif ($key) {
        $hint = __('A key is stored; leave this empty to keep it.', 'tagdesk');
    } else {
        $hint = __('It needs the scopes tag, feedback and editors. No key is stored.', 'tagdesk');
    }
    echo '<p class="description">', esc_html($hint), '</p>';
    if ($key && !$is_fixed) {
        echo '<label><input type="checkbox" name="tagdesk[forget]" value="1"> ',
            esc_html__('Forget the key', 'tagdesk'), '</label>';
    }
}

/** A field with a few choices, labels by their values. */
function show_choices(string $name, string $chosen, array $choices): void
{
    echo '<select name="' . esc_attr(OPTION . "[$name]") . '" id="tagdesk-' . esc_attr($name) . '">';
    foreach ($choices as $value => $label) {
        echo '<option value="' . esc_attr($value) . '"' . selected($chosen, $value, false) . '>'
            . esc_html($label) . '</option>';
    }
    echo '</select>';
}
