using System.Globalization;
using System.Reflection;
using Microsoft.Extensions.Configuration;

namespace LocalBloom.AI;

/// <summary>Reads options from configuration, so that what is mistyped there is said in words that help.</summary>
internal static class BloomOptionsSection
{
    /// <summary>Sets the options that a section has.</summary>
    /// <exception cref="InvalidOperationException">There is no such section, a key is no option, or a value is not of its kind; the message says what is expected.</exception>
    public static void Bind(IConfigurationSection section, BloomChatClientOptions options)
    {
        RequireOptions(section);
        PropertyInfo[] properties = typeof(BloomChatClientOptions).GetProperties();
        string[] names = [.. properties.Select(property => property.Name)];
        string[] unknown = [.. section.GetChildren().Select(child => child.Key).Except(names, StringComparer.OrdinalIgnoreCase)];
        if (unknown.Length > 0)
        {
            // A mistyped key would otherwise leave its option at the default without a word.
            throw new InvalidOperationException(
                $"The configuration section '{section.Path}' has {string.Join(", ", unknown.Select(key => $"'{key}'"))}, which is no option of the BLOOM chat client. " +
                $"Options are {string.Join(", ", names)}.");
        }

        foreach (PropertyInfo property in properties)
        {
            CheckShape(section.GetSection(property.Name), property.PropertyType);
        }

        try
        {
            section.Bind(options);
        }
        catch (InvalidOperationException e)
        {
            Type? choice = properties.Select(property => property.PropertyType).FirstOrDefault(type => type.IsEnum && e.Message.Contains(type.Name, StringComparison.Ordinal));
            throw new InvalidOperationException(choice is null ? e.Message : $"{e.Message} Use {string.Join(", ", Enum.GetNames(choice))}.", e);
        }
    }

    private static void RequireOptions(IConfigurationSection section)
    {
        if (!section.Exists())
        {
            throw new InvalidOperationException(
                $"The configuration section '{section.Path}' is missing or empty, but the BLOOM chat client's options are expected there, such as Model. " +
                "Correct its name or add it; for the defaults alone, call AddBloomChatClient without a section.");
        }

        if (section.Value is not null)
        {
            throw new InvalidOperationException(
                $"The configuration section '{section.Path}' is the text '{section.Value}', but a section with the BLOOM chat client's options is expected. " +
                $"Put it under its option's name, such as {Variable(section.Path)}__Model.");
        }
    }

    // The binder passes over what has not the shape that it looks for.
    private static void CheckShape(IConfigurationSection entry, Type type)
    {
        if (type == typeof(IList<string>))
        {
            CheckList(entry);
            return;
        }

        RefuseChildren(entry, "a single value");
        if (type.IsEnum && entry.Value is { } choices && choices.Contains(',', StringComparison.Ordinal))
        {
            // The binder would take several names for one, whose number is made of theirs: TensorParallel and Offload for Offload.
            throw Wrong(entry, $"'{choices}'", $"one of {string.Join(", ", Enum.GetNames(type))}", Cure(type));
        }

        if (type == typeof(TimeSpan?) && entry.Value is { Length: > 0 } time && !time.Contains(':', StringComparison.Ordinal))
        {
            throw Wrong(entry, $"'{time}'", "a time as hours:minutes:seconds", "Thirty seconds are 00:00:30, and 30 days 30.00:00:00.");
        }
    }

    private static string Cure(Type choice) => choice == typeof(BloomStrategy)
        ? "TensorParallel streams no layers, so that it does not go with Offload; Int8 goes with every strategy as WeightFormat."
        : "Give one of them.";

    private static void CheckList(IConfigurationSection list)
    {
        if (list.Value is { Length: > 0 } text) // an empty list in JSON arrives as an empty text
        {
            throw Wrong(list, $"the text '{text}'", "a list", $"Write [\"{text}\"] in JSON, or name the variable {Variable(list.Path)}__0.");
        }

        foreach (IConfigurationSection item in list.GetChildren())
        {
            if (!int.TryParse(item.Key, NumberStyles.None, CultureInfo.InvariantCulture, out _))
            {
                throw Wrong(list, $"a section with the key '{item.Key}'", "a list", $"Number its entries from 0: {Variable(list.Path)}__0.");
            }

            RefuseChildren(item, "a text");
        }
    }

    private static void RefuseChildren(IConfigurationSection entry, string expected)
    {
        if (entry.GetChildren().Select(child => $"'{child.Key}'").ToArray() is { Length: > 0 } keys)
        {
            throw Wrong(entry, $"a section with {string.Join(", ", keys)}", expected, "Give the value itself.");
        }
    }

    private static InvalidOperationException Wrong(IConfigurationSection entry, string found, string expected, string cure) =>
        new($"The configuration value '{entry.Path}' is {found}, but must be {expected}. {cure}");

    private static string Variable(string path) => path.Replace(ConfigurationPath.KeyDelimiter, "__", StringComparison.Ordinal);
}
