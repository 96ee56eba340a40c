using System.Reflection;
using Microsoft.Extensions.Configuration;

namespace LocalBloom.AI;

/// <summary>Reads options from configuration, so that what is mistyped there is said in words that help.</summary>
internal static class BloomOptionsSection
{
    /// <summary>Sets the options that a section has.</summary>
    /// <exception cref="InvalidOperationException">A key is no option, or a value is not of its kind; the message lists what there is.</exception>
    public static void Bind(IConfigurationSection section, BloomChatClientOptions options)
    {
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
}
